import CifarNN

/// Marks the checkpoint of the epoch whose metric is the best so far: Keras's ModelCheckpoint with
/// `save_best_only`, and the tutorial's `torch.save` of the best model. In both dialects NaN is never
/// the best (Keras would keep one of the first epoch for ever) and every digit counts.
public final class ModelCheckpoint: Callback {
  public struct Options: Codable, Equatable, Sendable {
    public var monitor: Monitor

    public init(monitor: Monitor) { self.monitor = monitor }
  }

  private let options: Options
  var state = CallbackState()

  init(_ options: Options) { self.options = options }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) {
    let value = options.monitor.value(in: metrics)
    guard options.monitor.isBetter(value, than: state.best ?? options.monitor.worst) else { return }
    state.best = value
    state.bestEpoch = metrics.epoch
    control.isBestCheckpoint = true
  }
}
