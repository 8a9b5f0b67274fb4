import CifarCore
import CifarNN

/// Multiplies the learning rate by `factor` when a metric stops improving.
///
/// Keras and PyTorch differ in three things. What counts as better: Keras wants an absolute margin
/// and takes the first value whatever it is, PyTorch wants a relative one unless told otherwise.
/// When patience is over: Keras reduces at the `patience`-th epoch without improvement, PyTorch at
/// the one after. Too small a change: PyTorch leaves out one below `epsilon`.
public final class ReduceLROnPlateau: Callback {
  /// How PyTorch understands its threshold.
  public enum ThresholdMode: String, Codable, CaseIterable, Sendable {
    case rel
    case abs
  }

  public struct Options: CallbackOptions {
    public var dialect: Dialect
    public var monitor = Monitor.valLoss
    public var mode = MonitorMode.auto
    public var factor = 0.1
    public var patience = 10
    /// Keras's `min_delta`, always absolute, the amount of a negative one; or PyTorch's `threshold`.
    public var threshold = 1e-4
    public var thresholdMode: ThresholdMode
    public var cooldown = 0
    public var minLR = 0.0
    public var epsilon: Double

    public static let type = "reduce_lr_on_plateau"
    public static let meaning = "the ReduceLROnPlateau of Keras and of PyTorch"
    public static let example = #"{"patience": 3}"#
    public static let options: [OptionDescription<Self>] = [
      dialect,
      .word("monitor", \.monitor, CallbackText.monitor),
      .word("mode", \.mode, CallbackText.mode),
      .number("factor", \.factor, .above(0, below: 1), "of the learning rate"),
      .whole("patience", \.patience, 0...Int.max, "epochs without improvement that are let pass"),
      .whole("cooldown", \.cooldown, 0...Int.max, "epochs after a reduction that are not counted"),
      .number("min_lr", \.minLR, .atLeast(0), "least learning rate"),
      // Stored options in Keras's dialect may have PyTorch's name.
      .number("min_delta", \.threshold, .finite, older: ["threshold"], CallbackText.minDelta)
        .only { $0.dialect == .keras },
      .number(
        "threshold", \.threshold, .atLeast(0),
        "how much better a value must be to count; of pytorch"
      ).only { $0.dialect == .pytorch },
      .word(
        "threshold_mode", \.thresholdMode, "of pytorch: a share of the best value, or an amount"
      )
      .only { $0.dialect == .pytorch },
      .number("epsilon", \.epsilon, .atLeast(0), "smallest change that is made; of pytorch")
        .only { $0.dialect == .pytorch },
    ]

    /// What is left out depends on it, and is as in the constructors of Keras and PyTorch.
    private static let dialect = OptionDescription<Self>.word(
      "dialect", \.dialect, isRequired: true, CallbackText.dialect
    ).reading { options, values in
      options = try Options(
        dialect: values.decode(Dialect.self, forKey: AnyKey(stringValue: "dialect")))
      return true
    }

    public init() { self.init(dialect: .pytorch) }

    public init(dialect: Dialect) {
      self.dialect = dialect
      thresholdMode = dialect == .keras ? .abs : .rel
      epsilon = dialect == .keras ? 0 : 1e-8
    }

    public init(
      dialect: Dialect, monitor: Monitor, factor: Double, patience: Int, threshold: Double = 1e-4,
      cooldown: Int = 0, minLR: Double = 0, epsilon: Double? = nil, mode: MonitorMode = .auto,
      thresholdMode: ThresholdMode? = nil
    ) {
      self.init(dialect: dialect)
      self.monitor = monitor
      self.mode = mode
      self.factor = factor
      self.patience = patience
      self.threshold = threshold
      self.thresholdMode = thresholdMode ?? self.thresholdMode
      self.cooldown = cooldown
      self.minLR = minLR
      self.epsilon = epsilon ?? self.epsilon
    }

    public var conflict: String? {
      dialect == .keras && thresholdMode == .rel
        ? "threshold_mode rel is PyTorch's; Keras's is abs" : nil
    }

    func make() -> any Callback { ReduceLROnPlateau(self) }
  }

  private let options: Options
  private let comparison: Comparison
  var state = CallbackState()

  init(_ options: Options) {
    self.options = options
    comparison = Comparison(options.monitor, options.mode)
  }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) {
    let value = options.monitor.value(in: metrics)
    switch options.dialect {
    case .keras: keras(value, metrics.epoch, &control)
    case .pytorch: pytorch(value, metrics.epoch, &control)
    }
  }

  private func keras(_ value: Double, _ epoch: Int, _ control: inout EpochControl) {
    if state.cooldown > 0 {
      state.cooldown -= 1
      state.wait = 0
    }
    if comparison.isKerasImprovement(value, over: state.best, by: abs(options.threshold)) {
      improve(value, epoch)
    } else if state.cooldown == 0 {
      state.wait += 1
      guard state.wait >= options.patience, control.learningRate > options.minLR else { return }
      control.learningRate = max(control.learningRate * options.factor, options.minLR)
      state.cooldown = options.cooldown
      state.wait = 0
    }
  }

  private func pytorch(_ value: Double, _ epoch: Int, _ control: inout EpochControl) {
    let best = state.best ?? comparison.worst
    let share = comparison.isLowerBetter ? 1 - options.threshold : 1 + options.threshold
    let isBetter =
      switch options.thresholdMode {
      case .rel: comparison.isBetter(value, than: best * share)
      case .abs: comparison.isBetter(value, than: best, by: options.threshold)
      }
    if isBetter {
      improve(value, epoch)
    } else {
      state.wait += 1
    }
    if state.cooldown > 0 {
      state.cooldown -= 1
      state.wait = 0
    }
    guard state.wait > options.patience else { return }
    let reduced = max(control.learningRate * options.factor, options.minLR)
    if control.learningRate - reduced > options.epsilon { control.learningRate = reduced }
    state.cooldown = options.cooldown
    state.wait = 0
  }

  private func improve(_ value: Double, _ epoch: Int) {
    state.best = value
    state.bestEpoch = epoch
    state.wait = 0
  }
}
