import CifarCore
import CifarNN

/// Ends training when a metric has not improved for `patience` epochs.
public final class EarlyStopping: Callback {
  public struct Options: CallbackOptions {
    /// Keras takes the first value as the best whatever it is, NaN too; the PyTorch tutorial's loop
    /// begins with infinity.
    public var dialect = Dialect.keras
    public var monitor = Monitor.valLoss
    public var mode = MonitorMode.auto
    public var patience = 0
    public var minDelta = 0.0
    public var baseline: Double?
    public var startFromEpoch = 0
    public var restoreBestWeights = false

    public static let type = "early_stopping"
    public static let meaning = "Keras's EarlyStopping; in pytorch, the tutorial's loop"
    public static let example = #"{"patience": 3}"#
    public static let options: [OptionDescription<Self>] = [
      .word("dialect", \.dialect, isRequired: true, CallbackText.dialect),
      .word("monitor", \.monitor, CallbackText.monitor),
      .word("mode", \.mode, CallbackText.mode),
      .whole(
        "patience", \.patience, 0...Int.max, "epochs without improvement after which training ends"),
      .number(
        "min_delta", \.minDelta, .finite, CallbackText.minDelta + "; keras takes its amount"),
      .number(
        "baseline", \.baseline, .finite,
        "has to be beaten: until it is, improvements do not make patience start over"),
      .whole(
        "start_from_epoch", \.startFromEpoch, 0...Int.max,
        "epochs at the start that do not count"),
      .flag(
        "restore_best_weights", \.restoreBestWeights, "put back the best weights when training ends"
      ),
    ]

    public init() {}

    public init(
      dialect: Dialect, monitor: Monitor, patience: Int, minDelta: Double = 0,
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

    public var conflict: String? {
      dialect == .pytorch && minDelta < 0
        ? "min_delta \(minDelta) is not 0 or above, as in pytorch it is" : nil
    }

    func make() -> any Callback { EarlyStopping(self) }
    var restoresBestWeights: Bool { restoreBestWeights }
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
        EarlyStopping.reason(options.monitor)
        + "for \(state.wait) epochs, best in epoch \(state.bestEpoch)"
    }
  }

  /// How the reason begins that it ends training for.
  private static func reason(_ monitor: Monitor) -> String {
    "early stopping: \(monitor.rawValue) has not improved "
  }

  /// What it watched, if it is what ended a training for that reason.
  static func monitor(ofReason text: String) -> Monitor? {
    Monitor.allCases.first { text.hasPrefix(reason($0)) }
  }

  /// The epoch whose weights are put back when training ends; nil for none.
  var restoredEpoch: Int? {
    options.restoreBestWeights && state.bestEpoch > 0 ? state.bestEpoch : nil
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
