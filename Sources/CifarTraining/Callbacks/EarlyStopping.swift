import CifarCore
import CifarNN

/// Ends training when a metric has not improved for `patience` epochs.
public final class EarlyStopping: Callback {
  public struct Options: Equatable, Sendable {
    /// Keras takes the first value as the best whatever it is, NaN too; the PyTorch tutorial's loop
    /// begins with infinity.
    public var dialect: Dialect
    public var monitor: Monitor
    public var mode: MonitorMode
    public var patience: Int
    /// How much better a value must be to count; absolute. Keras takes the amount of a negative one.
    public var minDelta: Double
    /// What has to be beaten: until it is, improvements do not make patience start over.
    public var baseline: Double?
    /// Epochs at the start that are not looked at.
    public var startFromEpoch: Int
    public var restoreBestWeights: Bool

    public init(
      dialect: Dialect, monitor: Monitor, patience: Int, minDelta: Double,
      restoreBestWeights: Bool, mode: MonitorMode = .auto, baseline: Double? = nil,
      startFromEpoch: Int = 0
    ) {
      self.dialect = dialect
      self.monitor = monitor
      self.mode = mode
      self.patience = patience
      self.minDelta = minDelta
      self.baseline = baseline
      self.startFromEpoch = startFromEpoch
      self.restoreBestWeights = restoreBestWeights
    }

    func validate() throws {
      guard patience >= 0 else {
        throw CifarError(.invalidArgument, "early stopping: patience \(patience) is negative")
      }
      guard minDelta.isFinite, minDelta >= 0 || dialect == .keras else {
        throw CifarError(
          .invalidArgument, "early stopping: min_delta \(minDelta) is not 0 or above")
      }
      guard startFromEpoch >= 0 else {
        throw CifarError(
          .invalidArgument, "early stopping: start_from_epoch \(startFromEpoch) is negative")
      }
      if let baseline, !baseline.isFinite {
        throw CifarError(
          .invalidArgument, "early stopping: baseline \(baseline) is not a finite number")
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

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) {
    guard metrics.epoch > options.startFromEpoch else { return }
    let value = options.monitor.value(in: metrics)
    state.wait += 1
    if improves(value, over: state.best) {
      state.best = value
      state.bestEpoch = metrics.epoch
      control.keepsWeights = options.restoreBestWeights
      if options.baseline == nil || improves(value, over: options.baseline) { state.wait = 0 }
      return
    }
    state.best = state.best ?? comparison.worst
    if state.wait >= options.patience {
      control.stopReason =
        "early stopping: \(options.monitor.rawValue) has not improved for \(state.wait) epochs, "
        + "best in epoch \(state.bestEpoch)"
    }
  }

  /// Patience starts over; what has to be beaten stays.
  func trainingExtended() { state.wait = 0 }

  private func improves(_ value: Double, over best: Double?) -> Bool {
    switch options.dialect {
    case .keras: comparison.isKerasImprovement(value, over: best, by: abs(options.minDelta))
    case .pytorch:
      comparison.isBetter(value, than: best ?? comparison.worst, by: options.minDelta)
    }
  }
}

extension EarlyStopping.Options: Codable {
  enum CodingKeys: String, CodingKey {
    case dialect, monitor, mode, patience, baseline
    case minDelta = "min_delta"
    case startFromEpoch = "start_from_epoch"
    case restoreBestWeights = "restore_best_weights"
  }

  /// What is left out is as in Keras's constructor.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    dialect = try values.decode(Dialect.self, forKey: .dialect)
    monitor = try values.decodeIfPresent(Monitor.self, forKey: .monitor) ?? .valLoss
    mode = try values.decodeIfPresent(MonitorMode.self, forKey: .mode) ?? .auto
    patience = try values.decodeIfPresent(Int.self, forKey: .patience) ?? 0
    minDelta = try values.decodeIfPresent(Double.self, forKey: .minDelta) ?? 0
    baseline = try values.decodeIfPresent(Double.self, forKey: .baseline)
    startFromEpoch = try values.decodeIfPresent(Int.self, forKey: .startFromEpoch) ?? 0
    restoreBestWeights =
      try values.decodeIfPresent(Bool.self, forKey: .restoreBestWeights) ?? false
  }
}
