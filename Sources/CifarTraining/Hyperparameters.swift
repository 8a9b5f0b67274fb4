import CifarCore
import CifarData
import CifarNN

/// Everything that decides how a run goes: with the data it is enough to repeat the run.
///
/// The set is complete, every default spelled out. As JSON it is stored with the run and inside each
/// checkpoint. What older ones lack is as it was then.
public struct Hyperparameters: DescribedOptions {
  public var recipe: String
  public var model: String
  public var modelSpec: ModelSpec
  public var dialect: Dialect
  public var seed: UInt64 = 0
  public var batchSize = 64
  /// What is to be trained, the last epoch perhaps in part: 9.9.
  public var exactEpochs = 100.0
  /// nil for as many as there are batches.
  public var stepsPerEpoch: Int?
  public var precision = Precision.float32
  /// Whether an epoch leaves out the images that fill no batch.
  public var dropLast = false
  public var optimizer = OptimizerSpec()
  /// Patterns of the parameters that are not trained.
  public var freeze: [String]?
  public var lookahead: LookaheadSpec?
  public var ema: Double?
  public var loss = LossSpec()
  /// The share of the training images that is validated on; nil for images of their own.
  public var validationSplit: Double?
  /// nil for a rate that only callbacks change.
  public var schedule: LearningRateSchedule?
  public var normalization = Normalization.unit
  /// In the order in which they are applied.
  public var augmentations: [Augmentation] = []
  /// How images are looked at once more when training is over.
  public var testTimeAugmentation = TestTimeAugmentation.none
  /// In the order in which they are asked at the end of an epoch.
  public var callbacks: [CallbackSpec] = []
  /// nil until a trainer has been made.
  public var data: DataRecord?
  /// nil for weights drawn at random.
  public var weights: WeightsRecord?

  public static let options: [OptionDescription<Self>] = [
    .value(
      OptionRow(
        "recipe", .word, Recipe.names.joined(separator: ", "), "the recipe that all began with",
        isRequired: true), \.recipe, fault: text
    ).showing { _ in nil },
    .value(
      OptionRow(
        "model", .text, "a preset's name, or custom", "what model_spec was made by",
        isRequired: true), \.model, fault: text),
    .word(
      "dialect", \.dialect, isRequired: true,
      "the framework whose initialisation, Adam, and defaults of layers and callbacks are used"),
    modelSpec,
    .value(
      OptionRow(
        "seed", .whole, "from 0 to \(UInt64.max)", "where all random numbers come from",
        isRequired: true), \.seed),
    .whole("batch_size", \.batchSize, batchSizes, isRequired: true, "images in a training step"),
    .number(
      "epochs", \.exactEpochs, epochRange, isRequired: true,
      "epochs at most; of 9.9, the last has nine tenths of the steps"),
    // The images continue where the epoch before ended, and are shuffled again after the last one.
    .whole(
      "steps_per_epoch", \.stepsPerEpoch, 1...mostSteps,
      "optimizer steps in an epoch; else all batches"),
    .flag(
      "drop_last", \.dropLast,
      "leaves out the images at the end of an epoch that fill no batch, others each time; fewer than "
        + "one batch are one"),
    .value(
      OptionRow(
        "precision", .word, Precision.ofTraining.map(\.rawValue).joined(separator: ", "),
        "mixed_bfloat16 keeps images between layers as bfloat16, in half the memory, and multiplies "
          + "16-bit integers in convolutions and dense layers, which is faster; also when a "
          + "training validates. Sums, weights and gradients stay float32. `evaluate` and `predict` are float32: a few images may fall into another class there"
      ), \.precision
    ) { precision in
      Precision.ofTraining.contains(precision)
        ? nil
        : "\(precision.rawValue) is not for training: use "
          + Precision.ofTraining.map(\.rawValue).joined(separator: " or ")
          + ", and quantize the model that comes out"
    },
    .object("optimizer", \.optimizer, isRequired: true, "how weights are moved"),
    .optional(
      OptionRow(
        "freeze", .list, "a pattern, such as conv2d.*, or a list of them",
        "parameters that stay as they are; a batch norm all of whose parameters are named, or that "
          + "is not trainable, also keeps its running statistics, and takes them in training"),
      \.freeze
    ) { patterns in
      patterns.compactMap { text in
        ParameterPattern.fault(text).map { "'\(text.excerpt)' \($0)" }
      }.first ?? (patterns.count > 1000 ? "has more than 1000 patterns" : nil)
    }.showing { $0.freeze?.joined(separator: ", ") },
    // As PyTorch's `AveragedModel` with `get_ema_multi_avg_fn`.
    .number(
      "ema", \.ema, .from(0, below: 1),
      "decay of an exponential moving average of the weights, such as 0.999: it is validated, "
        + "stored and exported in their place; running statistics are not averaged"),
    .optional(
      OptionRow(
        "lookahead", .object, "steps, decay and power",
        "slow weights that training goes on from every few steps, and ends with; {} for 5, 0.95, 3"),
      \.lookahead),
    .object("loss", \.loss, "the cross-entropy"),
    .number(
      "validation_split", \.validationSplit, .above(0, below: 1),
      "share of each class's training images, drawn by the seed, to validate on in the place of the "
        + "test images, which are then looked at once, when training is over"),
    .optional(
      OptionRow("schedule", .object, "one of the schedules", "of the learning rate"), \.schedule),
    .value(
      OptionRow(
        "normalization", .object, "mean and std, a number each a channel",
        "(byte/255 - mean) / std, channel by channel", isRequired: true), \.normalization),
    .value(
      OptionRow(
        "augmentations", .list, "a list of augmentations",
        "of training images, in their order", isRequired: true), \.augmentations
    ).showing { $0.augmentations.map(\.type).joined(separator: ", ") },
    .word(
      "tta", \.testTimeAugmentation,
      "test-time augmentation: when training is over the final weights also answer by the mean logits "
        + "of an image and its mirror image, or of shifted ones too; recorded as tta_val_accuracy "
        + "beside the plain accuracy"),
    .value(
      OptionRow(
        "callbacks", .list, "a list of callbacks", "in the order in which they are asked",
        isRequired: true), \.callbacks
    ).showing { $0.callbacks.map(\.type).joined(separator: ", ") },
    .optional(
      OptionRow("data", .object, "written by the training", "what the run was trained on"), \.data),
    .optional(
      OptionRow(
        "weights", .object, "written by the training",
        "what the run began with, where that was not drawn at random"), \.weights),
  ]

  private static let modelSpec: OptionDescription<Self> = {
    let row = OptionRow(
      "model_spec", .object, "input and layers", "the layers, all options spelled out",
      isRequired: true)
    return OptionDescription.value(row, \.modelSpec).reading { options, values in
      options.modelSpec = try values.decode(
        ModelSpec.self, forKey: AnyKey(stringValue: row.name)
      ).resolved(for: options.dialect)
      return true
    }
  }()

  private static let text: @Sendable (String) -> String? = { DataRecord.fault($0, atMost: 200) }

  /// What reading begins with; complete sets are made by `Recipe`.
  public init() {
    self.init(recipe: "", model: "", modelSpec: ModelSpec(layers: []), dialect: .pytorch)
  }

  init(recipe: String, model: String, modelSpec: ModelSpec, dialect: Dialect) {
    self.recipe = recipe
    self.model = model
    self.modelSpec = modelSpec
    self.dialect = dialect
  }

  /// No run has more epochs.
  static let mostEpochs = 1_000_000
  private static let epochRange = NumberRange.above(0, to: Double(mostEpochs))
  static let mostSteps = 1_000_000
  static let batchSizes = 1...65_536

  /// Epochs that there are in the end, the last one perhaps in part.
  public var epochs: Int {
    get {
      let most = Double(Hyperparameters.mostEpochs + 1)
      return exactEpochs.isNaN ? 0 : Int(min(max(exactEpochs, -1), most).rounded(.up))
    }
    set { exactEpochs = Double(newValue) }
  }

  /// `2.5`, or `3` for whole ones.
  public var epochsText: String { Hyperparameters.text(epochs: exactEpochs) }

  /// - Throws: `invalidArgument` for a number of epochs that no training has.
  public static func check(epochs: Double) throws {
    guard let fault = epochRange.fault(epochs) else { return }
    throw CifarError(.invalidArgument, "epochs \(fault)")
  }

  public static func text(epochs: Double) -> String {
    Int(exactly: epochs).map(String.init) ?? "\(epochs)"
  }

  /// Optimizer steps of all epochs.
  ///
  /// - Parameter batches: of a whole one.
  func steps(batches: Int) -> Int { Hyperparameters.steps(ofEpochs: exactEpochs, batches: batches) }

  static func steps(ofEpochs epochs: Double, batches: Int) -> Int {
    Int((epochs * Double(batches)).rounded(.up))
  }

  /// Batches in a pass over so many images.
  func batches(of images: Int) -> Int {
    dropLast ? max(1, images / batchSize) : images.dividedRoundingUp(by: batchSize)
  }

  /// No epoch has more batches; where `data` is known, those that an epoch has.
  var mostBatches: Int {
    if let stepsPerEpoch { return stepsPerEpoch }
    guard let data else { return Int(UInt32.max) }
    return max(1, batches(of: data.trainCount))
  }

  /// Of the images that the model takes.
  ///
  /// - Throws: `invalidArgument`.
  public var shape: ImageShape {
    get throws {
      do {
        return try ImageShape(modelSpec.input)
      } catch let error as CifarError {
        throw CifarError(error.code, "the model takes \(error.message)")
      }
    }
  }

  /// - Throws: `invalidArgument` or `shapeMismatch`, naming the option, its value and its range.
  public func validate() throws {
    let shape = try shape
    try validate(as: "")
    try schedule?.validate()
    try lookahead?.validate(as: "lookahead")
    if lookahead != nil, ema != nil {
      throw CifarError(
        .invalidArgument,
        "lookahead and ema both end with another average of the weights: leave one of them out")
    }
    for group in optimizer.groups {
      try group.validate(as: "optimizer.groups '\(group.parameters.excerpt)'")
      try group.schedule?.validate()
    }
    try Augmentation.validate(augmentations)
    for callback in callbacks { try callback.validate() }
    _ = try optimizer.members(in: modelSpec, frozen: frozenParameters())
    try normalization.validate(channels: shape.channels)
    try data?.validate(classes: modelSpec.classes)
    try weights?.validate(classes: modelSpec.classes)
    try loss.validate(classes: modelSpec.classes)
  }
}

extension Int {
  func dividedRoundingUp(by divisor: Int) -> Int {
    self / divisor + (self % divisor == 0 ? 0 : 1)
  }
}
