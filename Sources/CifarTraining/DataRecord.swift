import CifarCore
import CifarData

/// Where the images came from, so that a resume finds them and knows them again.
public struct DataRecord: Codable, Equatable, Sendable {
  /// `cifar10`, `shapes` or `memory`.
  public var name: String
  /// A directory, the name of a built-in data set, or nil for memory.
  public var location: String?
  public var trainCount: Int
  public var validationCount: Int
  /// SHA-256 of images and labels.
  public var trainHash: String
  public var validationHash: String
  public var classNames: [String]
  /// Of the images that are looked at once, at the end; nil where there are none.
  public var testCount: Int?
  public var testHash: String?

  enum CodingKeys: String, CodingKey {
    case name, location
    case trainCount = "train_count"
    case validationCount = "validation_count"
    case trainHash = "train_hash"
    case validationHash = "validation_hash"
    case classNames = "class_names"
    case testCount = "test_count"
    case testHash = "test_hash"
  }

  /// - Throws: `shapeMismatch` if the classes of one are not those of the other.
  init(train: Dataset, validation: Dataset, test: Dataset? = nil) throws {
    name = train.name
    location = train.location
    trainCount = train.count
    validationCount = validation.count
    trainHash = train.contentHash
    validationHash = validation.contentHash
    testCount = test?.count
    testHash = test?.contentHash
    classNames = try ClassNames.agreed(
      train.classNames, of: "the training images", validation.classNames,
      of: "the validation images")
  }

  /// Makes sure that it is one that a data set can have, with a name of its own for every class
  /// of the model.
  ///
  /// - Parameter classes: the units of the model's last layer.
  /// - Throws: `invalidArgument` or `shapeMismatch`, naming the value and its range.
  func validate(classes: Int) throws {
    try DataRecord.check(name, atMost: 200, "data.name")
    if let location { try DataRecord.check(location, atMost: 4096, "data.location") }
    for (hash, key) in [
      (trainHash, "train_hash"), (validationHash, "validation_hash"),
      (testHash ?? "-", "test_hash"),
    ] {
      try DataRecord.check(hash, atMost: 64, "data.\(key)")
    }
    for (count, key) in [
      (trainCount, "train_count"), (validationCount, "validation_count"),
      (testCount ?? 1, "test_count"),
    ] {
      guard (1...Int(UInt32.max)).contains(count) else {
        throw CifarError(
          .invalidArgument, "data.\(key) \(count) is not in 1 to \(UInt32.max)")
      }
    }
    guard classNames.count == classes else {
      throw CifarError(
        .shapeMismatch,
        "data.class_names has \(classNames.count) names, but the model has \(classes) classes, the "
          + "units of its last layer")
    }
    for (index, name) in classNames.enumerated() {
      try DataRecord.check(name, atMost: Dataset.longestClassName, "data.class_names[\(index)]")
    }
    try ClassNames.requireDistinct(classNames, "data.class_names")
  }

  /// - Throws: `invalidArgument` for an empty text, one of more than `length` bytes, and one that
  ///   holds a NUL, which C could not be given.
  static func check(_ text: String, atMost length: Int, _ name: String) throws {
    guard let fault = fault(text, atMost: length) else { return }
    throw CifarError(.invalidArgument, "\(name) \(fault)")
  }

  /// What is wrong with a text; nil for nothing.
  static func fault(_ text: String, atMost length: Int) -> String? {
    guard (1...length).contains(text.utf8.count), !text.utf8.contains(0) else {
      return "'\(text.excerpt)' has \(text.utf8.count) bytes, not 1 to \(length) without a NUL"
    }
    return nil
  }

  /// - Throws: `shapeMismatch` if these are not the images of the record.
  func check(train: Dataset, validation: Dataset, test: Dataset? = nil) throws {
    var parts = [
      (train, trainHash, "training"), (validation, validationHash, "validation"),
    ]
    if let test, let testHash { parts.append((test, testHash, "test")) }
    for (given, hash, part) in parts where given.contentHash != hash {
      throw CifarError(
        .shapeMismatch,
        "the \(part) images (\(given.count) of '\(given.location ?? given.name)') are not those "
          + "that the run began with; name the data that it was trained on")
    }
  }
}
