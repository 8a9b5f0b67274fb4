import CCifar

/// Labelled images of one shape, kept as bytes. Immutable.
public final class Dataset: @unchecked Sendable {
  /// Which part of a data set.
  public enum Split: Sendable {
    /// What is trained on.
    case train
    /// What is validated and tested on.
    case test

    var c: cifar_split { self == .train ? CIFAR_TRAIN : CIFAR_TEST }
  }

  let pointer: OpaquePointer
  private let info: cifar_dataset_info

  private init(owning pointer: OpaquePointer) throws {
    do {
      info = try filled(cifar_dataset_info()) { cifar_dataset_get_info(pointer, $0, $1) }
    } catch {
      cifar_dataset_free(pointer)
      throw error
    }
    self.pointer = pointer
  }

  deinit { cifar_dataset_free(pointer) }

  /// Opens CIFAR-10 or CIFAR-100, or the built-in drawings.
  ///
  /// - Parameters:
  ///   - location: a directory that is or holds `cifar-10-batches-bin` or `cifar-10-batches-py`;
  ///     "shapes" for 10 classes of synthetic drawings that need no download; "cifar100" or
  ///     "cifar100-coarse", also with `:DIR`, for CIFAR-100; nil for `$CIFAR10_DIR` or the usual places.
  ///   - limit: the most images to take, from the start; nil for all.
  /// - Throws: ``CifarError``: `notFound`; `badData`, naming the file and the offset; `io`.
  public convenience init(_ location: String?, split: Split, limit: Int? = nil) throws {
    let pointer = try CStrings.during { strings in
      let location = try strings(location)
      let limit = try nonNegative(limit ?? 0, "limit")
      return try made { cifar_dataset_open(location, split.c, limit, $0) }
    }
    try self.init(owning: pointer)
  }

  /// Copies images and labels from memory.
  ///
  /// - Parameters:
  ///   - images: the bytes of `shape` an image.
  ///   - shape: of an image.
  ///   - labels: places in `classNames`, one an image.
  ///   - sampleWeights: what the loss of each image counts in training, 0 to 1e6; nil for all alike.
  ///   - classNames: from 2 to 1000 different ones.
  /// - Throws: ``CifarError``: `badData` for a label or a weight out of range; `shapeMismatch`, `invalidArgument`.
  public convenience init(
    images: [UInt8], shape: ImageShape = .cifar, labels: [Int32], sampleWeights: [Float]? = nil,
    classNames: [String], split: Split
  ) throws {
    try shape.check()
    guard images.count == labels.count * shape.bytes else {
      throw CifarError(
        .shapeMismatch,
        "\(images.count) bytes are not \(labels.count) images of \(shape.bytes) bytes")
    }
    guard sampleWeights.map({ $0.count == labels.count }) ?? true else {
      throw CifarError(
        .shapeMismatch, "\(sampleWeights?.count ?? 0) weights are not for \(labels.count) images")
    }
    var options = try filled(cifar_dataset_options()) { cifar_dataset_options_init($0, $1) }
    options.split = split.c
    options.channels = UInt32(shape.channels)
    options.height = UInt32(shape.height)
    options.width = UInt32(shape.width)
    options.classes = UInt32(clamping: classNames.count)
    options.count = labels.count
    let pointer = try CStrings.during { strings in
      let names = try classNames.map { try strings($0) }
      return try images.withUnsafeBufferPointer { images in
        try labels.withUnsafeBufferPointer { labels in
          try names.withUnsafeBufferPointer { names in
            try (sampleWeights ?? []).withUnsafeBufferPointer { weights in
              options.images = images.baseAddress
              options.labels = labels.baseAddress
              options.class_names = names.baseAddress
              options.sample_weights = sampleWeights == nil ? nil : weights.baseAddress
              return try made { cifar_dataset_from_memory(&options, $0) }
            }
          }
        }
      }
    }
    try self.init(owning: pointer)
  }

  /// Images.
  public var count: Int { info.count }

  /// Of each image.
  public var shape: ImageShape { ImageShape(info.channels, info.height, info.width) }

  /// "cifar10", "shapes", "memory" and so on.
  public var name: String { String(cString: info.name) }

  /// What opens it again; nil for one from memory.
  public var location: String? { String(copying: info.location) }

  /// The names of its classes, in the order of the labels.
  public var classNames: [String] {
    (0..<info.classes).map {
      var name: UnsafePointer<CChar>?
      cifar_dataset_get_class_name(pointer, $0, &name)
      return String(copying: name) ?? ""
    }
  }

  /// Copies images and labels out.
  ///
  /// - Throws: ``CifarError``: `invalidArgument` for a range that is not all there.
  public func read(_ range: Range<Int>) throws -> (images: [UInt8], labels: [Int32]) {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw CifarError(.invalidArgument, "the images \(range) are not all among \(count)")
    }
    var images = [UInt8](repeating: 0, count: range.count * shape.bytes)
    var labels = [Int32](repeating: 0, count: range.count)
    try check(cifar_dataset_read(pointer, range.lowerBound, range.count, &images, &labels))
    return (images, labels)
  }
}

/// A number that C takes as one that is not negative.
func nonNegative(_ number: Int, _ name: String) throws -> Int {
  guard number >= 0 else { throw CifarError(.invalidArgument, "\(name) \(number) is negative") }
  return number
}

/// A number that C takes in 32 bits.
func nonNegative32(_ number: Int?, _ name: String) throws -> UInt32 {
  guard let number else { return 0 }
  guard let result = UInt32(exactly: number) else {
    throw CifarError(.invalidArgument, "\(name) \(number) is not in 0 to \(UInt32.max)")
  }
  return result
}
