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

  enum CodingKeys: String, CodingKey {
    case name, location
    case trainCount = "train_count"
    case validationCount = "validation_count"
    case trainHash = "train_hash"
    case validationHash = "validation_hash"
    case classNames = "class_names"
  }

  /// - Throws: `shapeMismatch` if the classes of one are not those of the other.
  init(train: Dataset, validation: Dataset) throws {
    name = train.name
    location = train.location
    trainCount = train.count
    validationCount = validation.count
    trainHash = train.contentHash
    validationHash = validation.contentHash
    classNames = try ClassNames.agreed(
      train.classNames, of: "the training images", validation.classNames,
      of: "the validation images")
  }

  /// - Throws: `shapeMismatch` if these are not the images of the record.
  func check(train: Dataset, validation: Dataset) throws {
    for (given, hash, part) in [
      (train, trainHash, "training"), (validation, validationHash, "validation"),
    ] where given.contentHash != hash {
      throw CifarError(
        .shapeMismatch,
        "the \(part) images (\(given.count) of '\(given.location ?? given.name)') are not those "
          + "that the run began with; name the data that it was trained on")
    }
  }
}
