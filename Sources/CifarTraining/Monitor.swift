import CifarCore

/// A metric that a callback can watch, under the name Keras gives it.
public enum Monitor: String, Codable, CaseIterable, Sendable {
  case loss
  case accuracy
  case valLoss = "val_loss"
  case valAccuracy = "val_accuracy"

  private var metric: EpochMetric {
    switch self {
    case .loss: .trainLoss
    case .accuracy: .trainAccuracy
    case .valLoss: .valLoss
    case .valAccuracy: .valAccuracy
    }
  }

  /// Of losses lower values are better, of accuracies higher ones.
  fileprivate var isLowerBetter: Bool { metric.direction == .lower }

  func value(in metrics: EpochMetrics) -> Double { metrics[metric] ?? .nan }
}

/// Whether a metric is to fall or to rise: Keras's `mode`.
public enum MonitorMode: String, Codable, CaseIterable, Sendable {
  /// Losses are to fall, accuracies to rise.
  case auto
  case min
  case max
}

/// Which of two values of a metric is the better one.
struct Comparison {
  let isLowerBetter: Bool

  init(_ monitor: Monitor, _ mode: MonitorMode = .auto) {
    isLowerBetter =
      switch mode {
      case .min: true
      case .max: false
      case .auto: monitor.isLowerBetter
      }
  }

  /// Whether `value` is better than `other` by more than `margin`. Nothing is better than NaN, and
  /// NaN is better than nothing.
  func isBetter(_ value: Double, than other: Double, by margin: Double = 0) -> Bool {
    isLowerBetter ? value < other - margin : value > other + margin
  }

  /// Keras's `MonitorCallback._is_improvement`: the first value is the best whatever it is, NaN too,
  /// and 32-bit numbers are compared.
  func isKerasImprovement(
    _ value: Double, over best: Double?, by margin: Double
  ) -> Bool {
    guard let best else { return true }
    return isLowerBetter
      ? Float(value + margin) < Float(best) : Float(value - margin) > Float(best)
  }

  /// Worse than every number.
  var worst: Double { isLowerBetter ? .infinity : -.infinity }
}
