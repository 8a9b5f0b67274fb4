import CifarCore
import CifarData
import CifarNN

/// Everything that decides how a run goes: with the data it is enough to repeat the run.
///
/// The set is complete, every default spelled out. As JSON it is stored with the run and inside each
/// checkpoint.
public struct Hyperparameters: Equatable, Sendable {
  /// The recipe it began as, one of `Recipe.names`.
  public var recipe: String
  /// The preset that `modelSpec` was made by, `tutorial`; or `custom`.
  public var model: String
  public var modelSpec: ModelSpec
  /// Whose initialisation and whose Adam; and whose options layers have where `modelSpec` was given
  /// without them.
  public var dialect: Dialect
  /// Where all random numbers come from.
  public var seed: UInt64
  /// Images in a training step, from 1 to 65,536.
  public var batchSize: Int
  /// Epochs at most, from 1 to 1,000,000.
  public var epochs: Int
  /// Optimizer steps in an epoch; nil for as many as there are batches. The images continue where the
  /// epoch before ended, and are shuffled again after the last one.
  public var stepsPerEpoch: Int?
  /// How images are kept between two layers.
  public var precision = Precision.float32
  public var optimizer: OptimizerSpec
  /// Decay of an exponential moving average of the weights, from 0 to below 1: it is what is validated,
  /// and what a checkpoint's model computes with. nil for none.
  public var ema: Double?
  public var loss = LossSpec()
  /// nil for a rate that only callbacks change.
  public var schedule: LearningRateSchedule?
  public var normalization: Normalization
  /// In the order in which they are applied; training images only.
  public var augmentations: [Augmentation]
  /// In the order in which they are asked at the end of an epoch.
  public var callbacks: [CallbackSpec]
  /// What the run was trained on; nil until a trainer has been made.
  public var data: DataRecord?

  /// No run has more epochs.
  static let mostEpochs = 1_000_000
  static let mostSteps = 1_000_000
  static let batchSizes = 1...65_536

  /// No epoch has more batches; where `data` is known, those that an epoch has.
  var mostBatches: Int {
    if let stepsPerEpoch { return stepsPerEpoch }
    guard let data else { return Int(UInt32.max) }
    return max(1, data.trainCount.dividedRoundingUp(by: batchSize))
  }

  /// - Throws: `invalidArgument` or `shapeMismatch`, naming the option, its value and its range.
  public func validate() throws {
    try check(batchSize, in: Hyperparameters.batchSizes, "batch size")
    try check(epochs, in: 1...Hyperparameters.mostEpochs, "epochs")
    if let stepsPerEpoch {
      try check(stepsPerEpoch, in: 1...Hyperparameters.mostSteps, "steps per epoch")
    }
    try DataRecord.check(recipe, atMost: 200, "recipe")
    try DataRecord.check(model, atMost: 200, "model")
    try optimizer.validate()
    if let ema, !(0..<1).contains(ema) {
      throw CifarError(.invalidArgument, "ema \(ema) is not from 0 to below 1")
    }
    try loss.validate()
    try schedule?.validate()
    try normalization.validate()
    try Augmentation.validate(augmentations)
    for callback in callbacks { try callback.validate() }
    _ = try modelSpec.shapes()
    guard modelSpec.input == [3, 32, 32] else {
      throw CifarError(
        .shapeMismatch, "the model takes images of \(modelSpec.input), the data has [3, 32, 32]")
    }
    try data?.validate(classes: modelSpec.classes)
  }

  private func check(_ value: Int, in range: ClosedRange<Int>, _ name: String) throws {
    guard range.contains(value) else {
      throw CifarError(
        .invalidArgument,
        "\(name) \(value) is not in \(range.lowerBound) to \(range.upperBound)")
    }
  }
}

extension Hyperparameters: Codable {
  enum CodingKeys: String, CodingKey {
    case recipe, model, dialect, seed, epochs, precision, optimizer, ema, loss,
      schedule
    case normalization, augmentations, callbacks, data
    case modelSpec = "model_spec"
    case batchSize = "batch_size"
    case stepsPerEpoch = "steps_per_epoch"
  }

  /// What older hyperparameters lack is as it was then.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    recipe = try values.decode(String.self, forKey: .recipe)
    model = try values.decode(String.self, forKey: .model)
    dialect = try values.decode(Dialect.self, forKey: .dialect)
    modelSpec = try values.decode(ModelSpec.self, forKey: .modelSpec).resolved(for: dialect)
    seed = try values.decode(UInt64.self, forKey: .seed)
    batchSize = try values.decode(Int.self, forKey: .batchSize)
    epochs = try values.decode(Int.self, forKey: .epochs)
    stepsPerEpoch = try values.decodeIfPresent(Int.self, forKey: .stepsPerEpoch)
    precision = try values.decodeIfPresent(Precision.self, forKey: .precision) ?? .float32
    optimizer = try values.decode(OptimizerSpec.self, forKey: .optimizer)
    ema = try values.decodeIfPresent(Double.self, forKey: .ema)
    loss = try values.decodeIfPresent(LossSpec.self, forKey: .loss) ?? LossSpec()
    schedule = try values.decodeIfPresent(LearningRateSchedule.self, forKey: .schedule)
    normalization = try values.decode(Normalization.self, forKey: .normalization)
    augmentations = try values.decode([Augmentation].self, forKey: .augmentations)
    callbacks = try values.decode([CallbackSpec].self, forKey: .callbacks)
    data = try values.decodeIfPresent(DataRecord.self, forKey: .data)
  }
}

extension Int {
  func dividedRoundingUp(by divisor: Int) -> Int {
    self / divisor + (self % divisor == 0 ? 0 : 1)
  }
}
