import CifarCore
import CifarNN

/// Multiplies the learning rate by `factor` when a metric stops improving.
///
/// Keras and PyTorch differ in three things. What counts as better: Keras wants an absolute margin
/// and takes the first value whatever it is, PyTorch wants a relative one. When patience is over: Keras reduces at the `patience`-th epoch without
/// improvement, PyTorch at the one after. What is too little: PyTorch leaves a change below
/// `epsilon` out.
public final class ReduceLROnPlateau: Callback {
  public struct Options: Codable, Equatable, Sendable {
    public var dialect: Dialect
    public var monitor: Monitor
    /// In (0, 1).
    public var factor: Double
    public var patience: Int
    /// Keras's `min_delta`, absolute, or PyTorch's `threshold`, relative.
    public var threshold: Double
    /// Epochs to wait after a reduction before counting again.
    public var cooldown: Int
    public var minLR: Double
    /// The smallest change that is made.
    public var epsilon: Double

    public init(
      dialect: Dialect, monitor: Monitor, factor: Double, patience: Int, threshold: Double,
      cooldown: Int, minLR: Double, epsilon: Double
    ) {
      self.dialect = dialect
      self.monitor = monitor
      self.factor = factor
      self.patience = patience
      self.threshold = threshold
      self.cooldown = cooldown
      self.minLR = minLR
      self.epsilon = epsilon
    }

    enum CodingKeys: String, CodingKey {
      case dialect, monitor, factor, patience, threshold, cooldown, epsilon
      case minLR = "min_lr"
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
      guard [threshold, minLR, epsilon].allSatisfy({ $0.isFinite && $0 >= 0 }) else {
        throw CifarError(
          .invalidArgument,
          "reduce learning rate on plateau: threshold, min_lr and epsilon must be 0 or above")
      }
    }
  }

  private let options: Options
  var state = CallbackState()

  init(_ options: Options) { self.options = options }

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
    if options.monitor.isKerasImprovement(value, over: state.best, by: options.threshold) {
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
    let best = state.best ?? options.monitor.worst
    let margin = options.monitor.isLowerBetter ? 1 - options.threshold : 1 + options.threshold
    if options.monitor.isBetter(value, than: best * margin) {
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
