import CifarCore
import CifarNN

/// Marks the checkpoint that is to be used afterwards: Keras's ModelCheckpoint, and the tutorial's
/// `torch.save` of the best model.
///
/// With `save_best_only` that is the one of the epoch whose metric is the best so far, compared as
/// EarlyStopping of the same dialect does: in 32 bits by Keras, by every digit in the PyTorch
/// tutorial's loop. In both, NaN is never the best; Keras would keep that of a first epoch for ever.
/// Without, it is always the last one, as Keras overwrites its file. With a number of batches as
/// `save_freq` checkpoints are also stored in the middle of epochs.
public final class ModelCheckpoint: Callback {
  public struct Options: Equatable, Sendable {
    public var dialect: Dialect
    public var monitor: Monitor
    public var mode: MonitorMode
    public var saveBestOnly: Bool
    /// A checkpoint every n batches besides those of the epochs; nil for Keras's `"epoch"`.
    public var saveFrequency: Int?
    /// What the first best value has to be better than; nil for nothing.
    public var initialValueThreshold: Double?

    public init(
      dialect: Dialect, monitor: Monitor, mode: MonitorMode = .auto, saveBestOnly: Bool = true,
      saveFrequency: Int? = nil, initialValueThreshold: Double? = nil
    ) {
      self.dialect = dialect
      self.monitor = monitor
      self.mode = mode
      self.saveBestOnly = saveBestOnly
      self.saveFrequency = saveFrequency
      self.initialValueThreshold = initialValueThreshold
    }

    func validate() throws {
      if let saveFrequency, saveFrequency < 1 {
        throw CifarError(
          .invalidArgument,
          "model checkpoint: save_freq \(saveFrequency) is neither \"epoch\" nor a number of "
            + "batches of at least 1")
      }
      if let initialValueThreshold, !initialValueThreshold.isFinite {
        throw CifarError(
          .invalidArgument,
          "model checkpoint: initial_value_threshold \(initialValueThreshold) is not a finite "
            + "number")
      }
    }
  }

  private let options: Options
  private let comparison: Comparison
  var state = CallbackState()

  init(_ options: Options) {
    self.options = options
    comparison = Comparison(options.monitor, options.mode)
  }

  func batchEnded(_ outcome: BatchOutcome, _ control: inout BatchControl) {
    guard let frequency = options.saveFrequency else { return }
    state.wait += 1
    guard state.wait >= frequency else { return }
    state.wait = 0
    control.savesCheckpoint = true
  }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) {
    let value = options.monitor.value(in: metrics)
    let isBetter = improves(value, over: state.best ?? options.initialValueThreshold)
    if isBetter {
      state.best = value
      state.bestEpoch = metrics.epoch
    }
    if isBetter || !options.saveBestOnly { control.isBestCheckpoint = true }
  }

  private func improves(_ value: Double, over best: Double?) -> Bool {
    switch options.dialect {
    case .keras: !value.isNaN && comparison.isKerasImprovement(value, over: best, by: 0)
    case .pytorch: comparison.isBetter(value, than: best ?? comparison.worst)
    }
  }
}

extension ModelCheckpoint.Options: Codable {
  enum CodingKeys: String, CodingKey {
    case dialect, monitor, mode
    case saveBestOnly = "save_best_only"
    case saveFrequency = "save_freq"
    case initialValueThreshold = "initial_value_threshold"
  }

  /// Stored options without a dialect compare every digit.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    dialect = try values.decodeIfPresent(Dialect.self, forKey: .dialect) ?? .pytorch
    monitor = try values.decodeIfPresent(Monitor.self, forKey: .monitor) ?? .valLoss
    mode = try values.decodeIfPresent(MonitorMode.self, forKey: .mode) ?? .auto
    saveBestOnly = try values.decodeIfPresent(Bool.self, forKey: .saveBestOnly) ?? true
    initialValueThreshold = try values.decodeIfPresent(
      Double.self, forKey: .initialValueThreshold)
    if let word = try? values.decodeIfPresent(String.self, forKey: .saveFrequency) {
      guard word == "epoch" else {
        throw DecodingError.dataCorruptedError(
          forKey: .saveFrequency, in: values,
          debugDescription: "'\(word)' is neither \"epoch\" nor a number of batches")
      }
      saveFrequency = nil
    } else {
      saveFrequency = try values.decodeIfPresent(Int.self, forKey: .saveFrequency)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(dialect, forKey: .dialect)
    try values.encode(monitor, forKey: .monitor)
    try values.encode(mode, forKey: .mode)
    try values.encode(saveBestOnly, forKey: .saveBestOnly)
    try values.encodeIfPresent(initialValueThreshold, forKey: .initialValueThreshold)
    if let saveFrequency {
      try values.encode(saveFrequency, forKey: .saveFrequency)
    } else {
      try values.encode("epoch", forKey: .saveFrequency)
    }
  }
}
