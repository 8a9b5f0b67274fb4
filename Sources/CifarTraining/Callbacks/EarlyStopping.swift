import CifarCore
import CifarNN

/// Ends training when a metric has not improved for `patience` epochs.
public final class EarlyStopping: Callback {
  public struct Options: Codable, Equatable, Sendable {
    /// Keras takes the first value as the best whatever it is, NaN too; the PyTorch tutorial's loop
    /// begins with infinity.
    public var dialect: Dialect
    public var monitor: Monitor
    public var patience: Int
    /// How much better a value must be to count; absolute.
    public var minDelta: Double
    public var restoreBestWeights: Bool

    public init(
      dialect: Dialect, monitor: Monitor, patience: Int, minDelta: Double,
      restoreBestWeights: Bool
    ) {
      self.dialect = dialect
      self.monitor = monitor
      self.patience = patience
      self.minDelta = minDelta
      self.restoreBestWeights = restoreBestWeights
    }

    enum CodingKeys: String, CodingKey {
      case dialect, monitor, patience
      case minDelta = "min_delta"
      case restoreBestWeights = "restore_best_weights"
    }

    func validate() throws {
      guard patience >= 0 else {
        throw CifarError(.invalidArgument, "early stopping: patience \(patience) is negative")
      }
      guard minDelta.isFinite, minDelta >= 0 else {
        throw CifarError(
          .invalidArgument, "early stopping: min_delta \(minDelta) is not 0 or above")
      }
    }
  }

  private let options: Options
  var state = CallbackState()

  init(_ options: Options) { self.options = options }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) {
    let monitor = options.monitor
    let value = monitor.value(in: metrics)
    let best = state.best ?? monitor.worst
    let improves =
      switch options.dialect {
      case .keras: monitor.isKerasImprovement(value, over: state.best, by: options.minDelta)
      case .pytorch: monitor.isBetter(value, than: best, by: options.minDelta)
      }
    if improves {
      state.best = value
      state.bestEpoch = metrics.epoch
      state.wait = 0
      control.keepsWeights = options.restoreBestWeights
      return
    }
    state.best = best
    state.wait += 1
    if state.wait >= options.patience {
      control.stopReason =
        "early stopping: \(monitor.rawValue) has not improved for \(state.wait) epochs, "
        + "best in epoch \(state.bestEpoch)"
    }
  }
}
