import CifarCore
import Synchronization

/// Which part of a data set.
public enum Split: String, Codable, Sendable {
  case train
  case test
}

/// Labelled images of one shape, kept as bytes. Immutable.
public final class Dataset: @unchecked Sendable {
  /// In bytes of UTF-8.
  public static let longestClassName = 200

  /// `cifar10`, `cifar100`, `cifar100-coarse`, `shapes`, `memory` and so on.
  public let name: String
  public let split: Split
  public let classNames: [String]
  public let shape: ImageShape
  public let count: Int
  /// Where it came from: a directory, or the name of a built-in data set; nil for memory.
  public let location: String?
  /// (count, channels, height, width)
  public let images: AlignedBuffer<UInt8>
  /// (count), each in 0 ..< classNames.count
  public let labels: AlignedBuffer<Int32>
  private let hash = Mutex<String?>(nil)

  init(
    name: String, split: Split, classNames: [String], location: String?, shape: ImageShape,
    images: AlignedBuffer<UInt8>, labels: AlignedBuffer<Int32>
  ) {
    self.name = name
    self.split = split
    self.classNames = classNames
    self.location = location
    self.shape = shape
    self.images = images
    self.labels = labels
    count = labels.count
  }

  /// Copies images and labels from memory.
  ///
  /// - Parameters:
  ///   - images: (count, channels, height, width) bytes.
  ///   - shape: of one of them.
  ///   - labels: (count), each in 0 ..< classNames.count.
  /// - Throws: `shapeMismatch` if the sizes do not fit together, `badData` for a label out of
  ///   range, `invalidArgument` for no images, fewer than 2 classes, a class name of no or more
  ///   than 200 bytes, or one that two classes have.
  public convenience init(
    images: UnsafeBufferPointer<UInt8>, shape: ImageShape = .cifar,
    labels: UnsafeBufferPointer<Int32>, classNames: [String], split: Split
  ) throws {
    guard !labels.isEmpty else {
      throw CifarError(.invalidArgument, "a data set needs at least one image")
    }
    guard (2...1000).contains(classNames.count) else {
      throw CifarError(
        .invalidArgument, "\(classNames.count) classes: a data set has from 2 to 1000")
    }
    for (index, name) in classNames.enumerated() {
      let length = name.utf8.count
      guard (1...Dataset.longestClassName).contains(length), !name.utf8.contains(0) else {
        throw CifarError(
          .invalidArgument,
          "the name of class \(index) has \(length) bytes, not 1 to \(Dataset.longestClassName) "
            + "without a NUL")
      }
    }
    try ClassNames.requireDistinct(classNames, "class_names")
    guard images.count == labels.count * shape.count else {
      throw CifarError(
        .shapeMismatch,
        "\(images.count) bytes of images for \(labels.count) labels; each image has \(shape) = "
          + "\(shape.count)")
    }
    for (index, label) in labels.enumerated() where !(0..<classNames.count).contains(Int(label)) {
      throw CifarError(
        .badData, "label \(label) of image \(index) is not in 0 to \(classNames.count - 1)")
    }
    let ownImages = try AlignedBuffer<UInt8>(
      count: images.count, for: "the images of the data set")
    let ownLabels = try AlignedBuffer<Int32>(
      count: labels.count, for: "the labels of the data set")
    _ = ownImages.span.update(fromContentsOf: images)
    _ = ownLabels.span.update(fromContentsOf: labels)
    self.init(
      name: "memory", split: split, classNames: classNames, location: nil, shape: shape,
      images: ownImages, labels: ownLabels)
  }

  /// SHA-256 of the images, then of the labels as little-endian 32-bit integers. Computed once.
  public var contentHash: String {
    hash.withLock { known in
      if let known { return known }
      var sum = SHA256()
      sum.update(UnsafeRawBufferPointer(images.span))
      sum.update(UnsafeRawBufferPointer(labels.span))
      let text = sum.hexadecimal()
      known = text
      return text
    }
  }
}
