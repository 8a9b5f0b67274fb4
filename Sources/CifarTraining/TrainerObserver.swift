/// Follows a training as it happens, and may end it.
public protocol TrainerObserver: AnyObject {
  /// After every batch, on the thread that trains.
  func batchEnded(_ progress: BatchProgress) throws -> TrainerAnswer
  func validationBegan()
  /// After validation and callbacks; a checkpoint taken now is that of the epoch.
  func epochEnded(_ report: EpochReport) throws -> TrainerAnswer
}

public enum TrainerAnswer: Sendable {
  case goOn
  case stop
}

/// How far the epoch under way is.
public struct BatchProgress: Equatable, Sendable {
  /// From 1.
  public var epoch: Int
  public var epochs: Int
  /// Batches done.
  public var batch: Int
  public var batches: Int
  /// Training images seen in this epoch.
  public var images: Int
  /// Means over them.
  public var loss: Double
  public var accuracy: Double
  public var learningRate: Double
  /// Time they took.
  public var trainSeconds: Double
}

/// An epoch that has ended.
public struct EpochReport: Equatable, Sendable {
  public var metrics: EpochMetrics
  /// Whether a ModelCheckpoint found it better than all before it.
  public var isBest: Bool
  /// The learning rate of the next epoch.
  public var nextLearningRate: Double
}

/// How `Trainer.run` ended.
public enum TrainingEnd: Equatable, Sendable {
  /// All epochs are done, or a callback of the recipe ended it.
  case completed(reason: String)
  /// The observer asked for it.
  case stopped
  /// `Trainer.interrupt` was called.
  case interrupted
}
