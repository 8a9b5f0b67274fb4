/// What an epoch came to.
public struct EpochMetrics: Codable, Equatable, Sendable {
  /// From 1.
  public var epoch: Int
  /// Mean over the epoch's training images as they were seen: augmented, with dropout, while the
  /// weights moved.
  public var trainLoss: Double
  /// A fraction, 0 … 1.
  public var trainAccuracy: Double
  public var valLoss: Double
  public var valAccuracy: Double
  /// The learning rate that the epoch was trained with.
  public var learningRate: Double
  /// The whole epoch, validation included.
  public var seconds: Double
  /// Training images a second, validation left out.
  public var imagesPerSecond: Double

  public init(
    epoch: Int, trainLoss: Double, trainAccuracy: Double, valLoss: Double, valAccuracy: Double,
    learningRate: Double, seconds: Double = 0, imagesPerSecond: Double = 0
  ) {
    self.epoch = epoch
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.valLoss = valLoss
    self.valAccuracy = valAccuracy
    self.learningRate = learningRate
    self.seconds = seconds
    self.imagesPerSecond = imagesPerSecond
  }
}

/// A metric that a callback can watch, under the name Keras gives it.
public enum Monitor: String, Codable, CaseIterable, Sendable {
  case loss
  case accuracy
  case valLoss = "val_loss"
  case valAccuracy = "val_accuracy"

  func value(in metrics: EpochMetrics) -> Double {
    switch self {
    case .loss: metrics.trainLoss
    case .accuracy: metrics.trainAccuracy
    case .valLoss: metrics.valLoss
    case .valAccuracy: metrics.valAccuracy
    }
  }
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
      case .auto: monitor == .loss || monitor == .valLoss
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
