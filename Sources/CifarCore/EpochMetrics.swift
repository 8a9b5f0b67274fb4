/// What an epoch came to, as trained, stored and shown. A loss may be NaN or infinite.
public struct EpochMetrics: Sendable, Equatable {
  /// From 1.
  public var epoch: Int
  private var values: [EpochMetric: Double] = [:]

  /// - Parameter value: gives a metric's value; nil for one that was not measured.
  public init(epoch: Int, _ value: (EpochMetric) throws -> Double?) rethrows {
    self.epoch = epoch
    for metric in EpochMetric.allCases { values[metric] = try value(metric) }
  }

  /// - Parameters:
  ///   - trainLoss: mean over the epoch's training images as they were seen: augmented, with dropout,
  ///     while the weights moved.
  ///   - trainAccuracy: a fraction, 0 … 1.
  ///   - valLoss: nil where nothing was validated.
  ///   - learningRate: the one that the epoch was trained with.
  ///   - seconds: the whole epoch, validation included.
  ///   - imagesPerSecond: training images, validation left out.
  public init(
    epoch: Int, trainLoss: Double, trainAccuracy: Double, valLoss: Double?, valAccuracy: Double?,
    learningRate: Double, seconds: Double = 0, imagesPerSecond: Double = 0
  ) {
    self.epoch = epoch
    values = [
      .trainLoss: trainLoss, .trainAccuracy: trainAccuracy, .learningRate: learningRate,
      .seconds: seconds, .imagesPerSecond: imagesPerSecond,
    ]
    values[.valLoss] = valLoss
    values[.valAccuracy] = valAccuracy
  }

  /// nil where the metric was not measured.
  public subscript(metric: EpochMetric) -> Double? {
    get { values[metric] }
    set { values[metric] = newValue }
  }

  // NaN where the metric was not measured.
  public var trainLoss: Double { self[.trainLoss] ?? .nan }
  public var trainAccuracy: Double { self[.trainAccuracy] ?? .nan }
  public var valLoss: Double { self[.valLoss] ?? .nan }
  public var valAccuracy: Double { self[.valAccuracy] ?? .nan }
  public var learningRate: Double { self[.learningRate] ?? .nan }
  public var seconds: Double { self[.seconds] ?? .nan }
  public var imagesPerSecond: Double { self[.imagesPerSecond] ?? .nan }
}
