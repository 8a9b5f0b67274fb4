import CifarCore
import CifarData
import CifarNN

/// Everything that decides how a run goes: with the data it is enough to repeat the run.
///
/// The set is complete, every default spelled out. As JSON it is stored with the run and inside each
/// checkpoint.
public struct Hyperparameters: Codable, Equatable, Sendable {
  /// The recipe it began as: `pytorch`, `keras`.
  public var recipe: String
  /// The preset that `modelSpec` was made by: `tutorial`.
  public var model: String
  public var modelSpec: ModelSpec
  /// Whose initialisation and whose Adam.
  public var dialect: Dialect
  /// Where all random numbers come from.
  public var seed: UInt64
  /// Images in a training step, from 1 to 65,536.
  public var batchSize: Int
  /// Epochs at most, from 1 to 1,000,000.
  public var epochs: Int
  public var optimizer: OptimizerSpec
  public var normalization: Normalization
  /// In the order in which they are applied; training images only.
  public var augmentations: [Augmentation]
  /// In the order in which they are asked at the end of an epoch.
  public var callbacks: [CallbackSpec]
  /// What the run was trained on; nil until a trainer has been made.
  public var data: DataRecord?

  enum CodingKeys: String, CodingKey {
    case recipe, model, dialect, seed, epochs, optimizer, normalization, augmentations, callbacks
    case data
    case modelSpec = "model_spec"
    case batchSize = "batch_size"
  }

  /// - Throws: `invalidArgument` or `shapeMismatch`, naming the option, its value and its range.
  public func validate() throws {
    try check(batchSize, in: 1...65_536, "batch size")
    try check(epochs, in: 1...1_000_000, "epochs")
    try optimizer.validate()
    try normalization.validate()
    for augmentation in augmentations { try augmentation.validate() }
    for callback in callbacks { try callback.validate() }
    _ = try modelSpec.shapes()
    guard modelSpec.input == [3, 32, 32] else {
      throw CifarError(
        .shapeMismatch, "the model takes images of \(modelSpec.input), the data has [3, 32, 32]")
    }
  }

  private func check(_ value: Int, in range: ClosedRange<Int>, _ name: String) throws {
    guard range.contains(value) else {
      throw CifarError(
        .invalidArgument,
        "\(name) \(value) is not in \(range.lowerBound) to \(range.upperBound)")
    }
  }
}

/// How weights are moved by their gradients.
public struct OptimizerSpec: Codable, Equatable, Sendable {
  /// `adam`
  public var type: String
  public var learningRate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double

  enum CodingKeys: String, CodingKey {
    case type, beta1, beta2, epsilon
    case learningRate = "learning_rate"
  }

  public var adam: AdamOptions { AdamOptions(beta1: beta1, beta2: beta2, epsilon: epsilon) }

  func validate() throws {
    guard type == "adam" else {
      throw CifarError(.invalidArgument, "unknown optimizer '\(type)'; use adam")
    }
    guard learningRate.isFinite, learningRate > 0 else {
      throw CifarError(
        .invalidArgument, "learning rate \(learningRate) is not a positive number")
    }
    guard (0..<1).contains(beta1), (0..<1).contains(beta2) else {
      throw CifarError(.invalidArgument, "beta1 \(beta1) and beta2 \(beta2) must be in [0, 1)")
    }
    guard epsilon.isFinite, epsilon > 0 else {
      throw CifarError(.invalidArgument, "epsilon \(epsilon) is not a positive number")
    }
  }
}

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

  init(train: Dataset, validation: Dataset) {
    name = train.name
    location = train.location
    trainCount = train.count
    validationCount = validation.count
    trainHash = train.contentHash
    validationHash = validation.contentHash
    classNames = train.classNames
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
