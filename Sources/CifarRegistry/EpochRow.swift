import CifarCore

/// The metrics of one epoch. A loss may be NaN or infinite, and comes back as it was stored.
public struct EpochRow: Sendable, Equatable {
  /// From 1.
  public var epoch: Int
  private var values: [EpochMetric: Double] = [:]

  /// - Parameter value: gives a metric's value; nil for one that was not measured.
  public init(epoch: Int, _ value: (EpochMetric) throws -> Double?) rethrows {
    self.epoch = epoch
    for metric in EpochMetric.allCases { values[metric] = try value(metric) }
  }

  public init(
    epoch: Int, trainLoss: Double, trainAccuracy: Double, valLoss: Double?, valAccuracy: Double?,
    learningRate: Double, seconds: Double, imagesPerSecond: Double
  ) {
    self.init(epoch: epoch) { metric in
      switch metric {
      case .trainLoss: trainLoss
      case .trainAccuracy: trainAccuracy
      case .valLoss: valLoss
      case .valAccuracy: valAccuracy
      case .learningRate: learningRate
      case .seconds: seconds
      case .imagesPerSecond: imagesPerSecond
      }
    }
  }

  /// nil where the metric was not measured.
  public subscript(metric: EpochMetric) -> Double? {
    get { values[metric] }
    set { values[metric] = newValue }
  }

  public var trainLoss: Double { self[.trainLoss] ?? .nan }
  /// A fraction, 0 … 1.
  public var trainAccuracy: Double { self[.trainAccuracy] ?? .nan }
  /// nil where nothing was validated.
  public var valLoss: Double? { self[.valLoss] }
  public var valAccuracy: Double? { self[.valAccuracy] }
  public var learningRate: Double { self[.learningRate] ?? .nan }
  /// The epoch's whole time, validation included.
  public var seconds: Double { self[.seconds] ?? .nan }
  /// Training images a second.
  public var imagesPerSecond: Double { self[.imagesPerSecond] ?? .nan }

  /// - Throws: `invalidArgument`.
  func check() throws {
    try SessionEntry.check(epoch: epoch)
    for metric in EpochMetric.allCases {
      guard let value = self[metric], !value.isNaN, !metric.range.contains(value) else { continue }
      throw CifarError(
        .invalidArgument,
        "epoch \(epoch) has the \(metric.name) \(value), which is not in "
          + "\(metric.range.lowerBound) to \(metric.range.upperBound)")
    }
  }
}
