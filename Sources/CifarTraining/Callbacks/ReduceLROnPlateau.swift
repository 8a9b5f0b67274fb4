import CifarCore
import CifarNN

/// Multiplies the learning rate by `factor` when a metric stops improving.
///
/// Keras and PyTorch differ in three things. What counts as better: Keras wants an absolute margin
/// and takes the first value whatever it is, PyTorch wants a relative one unless told otherwise.
/// When patience is over: Keras reduces at the `patience`-th epoch without improvement, PyTorch at
/// the one after. What is too little: PyTorch leaves a change below `epsilon` out.
public final class ReduceLROnPlateau: Callback {
  /// How PyTorch understands its threshold.
  public enum ThresholdMode: String, Codable, CaseIterable, Sendable {
    case rel
    case abs
  }

  public struct Options: Equatable, Sendable {
    public var dialect: Dialect
    public var monitor: Monitor
    public var mode: MonitorMode
    /// In (0, 1).
    public var factor: Double
    public var patience: Int
    /// How much better a value must be to count: Keras's `min_delta`, always absolute, the amount of
    /// a negative one; or PyTorch's `threshold`. Each has its own name in JSON too.
    public var threshold: Double
    public var thresholdMode: ThresholdMode
    /// Epochs to wait after a reduction before counting again.
    public var cooldown: Int
    public var minLR: Double
    /// The smallest change that is made; PyTorch's.
    public var epsilon: Double

    public init(
      dialect: Dialect, monitor: Monitor, factor: Double, patience: Int, threshold: Double,
      cooldown: Int, minLR: Double, epsilon: Double, mode: MonitorMode = .auto,
      thresholdMode: ThresholdMode? = nil
    ) {
      self.dialect = dialect
      self.monitor = monitor
      self.mode = mode
      self.factor = factor
      self.patience = patience
      self.threshold = threshold
      self.thresholdMode = thresholdMode ?? (dialect == .keras ? .abs : .rel)
      self.cooldown = cooldown
      self.minLR = minLR
      self.epsilon = epsilon
    }

    func validate() throws {
      guard factor > 0, factor < 1 else {
        throw CifarError(
          .invalidArgument, "reduce learning rate on plateau: factor \(factor) is not in (0, 1)")
      }
      guard patience >= 0, cooldown >= 0 else {
        throw CifarError(
          .invalidArgument,
          "reduce learning rate on plateau: patience \(patience) or cooldown \(cooldown) is "
            + "negative")
      }
      guard dialect == .pytorch || thresholdMode == .abs else {
        throw CifarError(
          .invalidArgument,
          "reduce learning rate on plateau: threshold_mode rel is PyTorch's; Keras's is abs")
      }
      guard threshold.isFinite, threshold >= 0 || dialect == .keras else {
        throw CifarError(
          .invalidArgument,
          "reduce learning rate on plateau: "
            + (dialect == .keras
              ? "min_delta \(threshold) is not a finite number"
              : "threshold \(threshold) is not 0 or above"))
      }
      for (name, value) in [("min_lr", minLR), ("epsilon", epsilon)] {
        guard value.isFinite, value >= 0 else {
          throw CifarError(
            .invalidArgument, "reduce learning rate on plateau: \(name) \(value) is not 0 or above")
        }
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

extension ReduceLROnPlateau.Options: Codable {
  enum CodingKeys: String, CodingKey {
    case dialect, monitor, mode, factor, patience, threshold, cooldown, epsilon
    case thresholdMode = "threshold_mode"
    case minDelta = "min_delta"
    case minLR = "min_lr"
  }

  /// What is left out is as in the constructors of Keras and PyTorch, which agree. Stored options in
  /// Keras's dialect may have PyTorch's names.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    dialect = try values.decode(Dialect.self, forKey: .dialect)
    monitor = try values.decodeIfPresent(Monitor.self, forKey: .monitor) ?? .valLoss
    mode = try values.decodeIfPresent(MonitorMode.self, forKey: .mode) ?? .auto
    factor = try values.decodeIfPresent(Double.self, forKey: .factor) ?? 0.1
    patience = try values.decodeIfPresent(Int.self, forKey: .patience) ?? 10
    let minDelta =
      dialect == .keras ? try values.decodeIfPresent(Double.self, forKey: .minDelta) : nil
    threshold = try minDelta ?? values.decodeIfPresent(Double.self, forKey: .threshold) ?? 1e-4
    thresholdMode =
      try values.decodeIfPresent(
        ReduceLROnPlateau.ThresholdMode.self, forKey: .thresholdMode)
      ?? (dialect == .keras ? .abs : .rel)
    cooldown = try values.decodeIfPresent(Int.self, forKey: .cooldown) ?? 0
    minLR = try values.decodeIfPresent(Double.self, forKey: .minLR) ?? 0
    epsilon =
      try values.decodeIfPresent(Double.self, forKey: .epsilon)
      ?? (dialect == .keras ? 0 : 1e-8)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(dialect, forKey: .dialect)
    try values.encode(monitor, forKey: .monitor)
    try values.encode(mode, forKey: .mode)
    try values.encode(factor, forKey: .factor)
    try values.encode(patience, forKey: .patience)
    try values.encode(cooldown, forKey: .cooldown)
    try values.encode(minLR, forKey: .minLR)
    switch dialect {
    case .keras: try values.encode(threshold, forKey: .minDelta)
    case .pytorch:
      try values.encode(threshold, forKey: .threshold)
      try values.encode(thresholdMode, forKey: .thresholdMode)
      try values.encode(epsilon, forKey: .epsilon)
    }
  }
}
