import CifarCore

/// Something that happens in a training. All of it happens on the thread that trains.
public enum TrainingEvent: Equatable, Sendable {
  /// Before anything else, also when a run is resumed.
  case trainBegin
  /// Before an epoch's first batch; not where an epoch is resumed in its middle.
  case epochBegin(BatchProgress)
  case batchBegin(BatchProgress)
  /// A ModelCheckpoint wants a checkpoint of the batch that has just been trained.
  case checkpointDue
  case batchEnd(BatchProgress)
  case validationBegin
  case validationEnd(ValidationReport)
  /// After validation and callbacks; a checkpoint taken now is that of the epoch.
  case epochEnd(EpochReport)
  /// A sentence for a person about what ends nothing: a log that can't be written any more.
  case remark(String)
  /// When training is over, but for failures. Where it has completed and a callback restores the best
  /// weights, they are back in their place.
  case trainEnd(TrainingEnd)
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

/// The result of a pass over the validation images.
public struct ValidationReport: Equatable, Sendable {
  /// From 1.
  public var epoch: Int
  public var images: Int
  /// Means over them.
  public var loss: Double
  public var accuracy: Double
  public var seconds: Double
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
  /// A TerminateOnNaN ended it.
  case diverged(reason: String)
  /// An observer asked for it, or a timer.
  case stopped
  /// `Trainer.interrupt` was called.
  case interrupted
}
