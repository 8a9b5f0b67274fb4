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
  /// (count), what the loss of each image counts in training, 0 or above; nil where all count alike.
  public let sampleWeights: AlignedBuffer<Float>?
  private let hash = Mutex<String?>(nil)

  init(
    name: String, split: Split, classNames: [String], location: String?, shape: ImageShape,
    images: AlignedBuffer<UInt8>, labels: AlignedBuffer<Int32>,
    sampleWeights: AlignedBuffer<Float>? = nil
  ) {
    self.name = name
    self.split = split
    self.classNames = classNames
    self.location = location
    self.shape = shape
    self.images = images
    self.labels = labels
    self.sampleWeights = sampleWeights
    count = labels.count
  }

  /// The largest of the weights of images.
  public static let largestSampleWeight: Float = 1e6

  /// Copies images and labels from memory.
  ///
  /// - Parameters:
  ///   - images: (count, channels, height, width) bytes.
  ///   - shape: of one of them.
  ///   - labels: (count), each in 0 ..< classNames.count.
  ///   - sampleWeights: (count), what each image counts in training, from 0 to 1e6 and not all 0;
  ///     nil where all count alike.
  /// - Throws: `shapeMismatch` if the sizes do not fit together, `badData` for a label or a weight
  ///   out of range, `invalidArgument` for no images, fewer than 2 classes, a class name of no or more
  ///   than 200 bytes, or one that two classes have.
  public convenience init(
    images: UnsafeBufferPointer<UInt8>, shape: ImageShape = .cifar,
    labels: UnsafeBufferPointer<Int32>, sampleWeights: UnsafeBufferPointer<Float>? = nil,
    classNames: [String], split: Split
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
    if let sampleWeights { try Dataset.check(sampleWeights, count: labels.count) }
    let ownImages = try AlignedBuffer<UInt8>(
      count: images.count, for: "the images of the data set")
    let ownLabels = try AlignedBuffer<Int32>(
      count: labels.count, for: "the labels of the data set")
    _ = ownImages.span.update(fromContentsOf: images)
    _ = ownLabels.span.update(fromContentsOf: labels)
    let ownWeights = try sampleWeights.map { weights in
      let own = try AlignedBuffer<Float>(count: weights.count, for: "the weights of the images")
      _ = own.span.update(fromContentsOf: weights)
      return own
    }
    self.init(
      name: "memory", split: split, classNames: classNames, location: nil, shape: shape,
      images: ownImages, labels: ownLabels, sampleWeights: ownWeights)
  }

  private static func check(_ weights: UnsafeBufferPointer<Float>, count: Int) throws {
    guard weights.count == count else {
      throw CifarError(.shapeMismatch, "\(weights.count) sample weights for \(count) images")
    }
    for (index, weight) in weights.enumerated()
    where !(0...largestSampleWeight).contains(weight) {
      throw CifarError(
        .badData, "the sample weight of image \(index) is \(weight), not a number from 0 to 1e6")
    }
    guard weights.contains(where: { $0 > 0 }) else {
      throw CifarError(.badData, "all sample weights are 0: there is nothing to learn")
    }
  }

  /// SHA-256 of the images, then of the labels as little-endian 32-bit integers, then of the weights
  /// of images, where they have some, as floats likewise. Computed once.
  public var contentHash: String {
    hash.withLock { known in
      if let known { return known }
      var sum = SHA256()
      sum.update(UnsafeRawBufferPointer(images.span))
      sum.update(UnsafeRawBufferPointer(labels.span))
      if let sampleWeights { sum.update(UnsafeRawBufferPointer(sampleWeights.span)) }
      let text = sum.hexadecimal()
      known = text
      return text
    }
  }
}
