/// Follows a training as it happens, and may end it. All calls come on the thread that trains, and
/// in all of them `Trainer.setLearningRate` may be called.
public protocol TrainerObserver: AnyObject {
  /// Whether what an epoch left should be in the registry before `epochEnded` hears of it; otherwise
  /// it is written meanwhile. Where others hold the registry nobody waits.
  var waitsForStorage: Bool { get }
  /// Before anything else, also where a run is gone on with.
  func trainBegan() throws -> TrainerAnswer
  /// Before an epoch's first batch; not where an epoch is gone on with.
  func epochBegan(_ progress: BatchProgress) throws -> TrainerAnswer
  func batchBegan(_ progress: BatchProgress) throws -> TrainerAnswer
  func batchEnded(_ progress: BatchProgress) throws -> TrainerAnswer
  /// A ModelCheckpoint wants one of this very batch.
  func checkpointDue() throws
  func validationBegan()
  /// After validation and callbacks; a checkpoint taken now is that of the epoch.
  func epochEnded(_ report: EpochReport) throws -> TrainerAnswer
  /// The row of an epoch is in the registry: before or, where that takes its time, some batches after
  /// `epochEnded`. Never without a registry.
  func epochStored(_ report: EpochReport)
  /// What a person should hear of, and what ends nothing: a log that can't be written any more.
  func remarked(_ remark: String)
  /// Others hold the registry: while training, for every epoch that waits to be stored; when it is
  /// over, some ten times a second until all is stored. An end of the training then ends the waiting.
  func storageDelayed(_ delay: StorageDelay) throws -> TrainerAnswer
  /// When training is over, but for failures; the best weights are back in their place.
  func trainEnded(_ end: TrainingEnd) throws
}

/// Most observers look at some of it.
extension TrainerObserver {
  public var waitsForStorage: Bool { true }
  public func trainBegan() throws -> TrainerAnswer { .proceed }
  public func epochBegan(_ progress: BatchProgress) throws -> TrainerAnswer { .proceed }
  public func batchBegan(_ progress: BatchProgress) throws -> TrainerAnswer { .proceed }
  public func batchEnded(_ progress: BatchProgress) throws -> TrainerAnswer { .proceed }
  public func checkpointDue() throws {}
  public func validationBegan() {}
  public func epochEnded(_ report: EpochReport) throws -> TrainerAnswer { .proceed }
  public func epochStored(_ report: EpochReport) {}
  public func remarked(_ remark: String) {}
  public func storageDelayed(_ delay: StorageDelay) throws -> TrainerAnswer { .proceed }
  public func trainEnded(_ end: TrainingEnd) throws {}
}

public enum TrainerAnswer: Sendable {
  case proceed
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

/// What waits because others hold the registry.
public struct StorageDelay: Equatable, Sendable {
  /// Epochs whose rows wait; 0 where only the run's end does.
  public var epochs: Int
  /// How long they hold it.
  public var seconds: Double
  /// Until the waiting ends; nil while the training goes on.
  public var secondsLeft: Double?

  /// Seconds from which on a person should hear of it: many trainers may take turns on a busy disk.
  public static let worthTelling = 10.0

  public init(epochs: Int, seconds: Double, secondsLeft: Double?) {
    self.epochs = epochs
    self.seconds = seconds
    self.secondsLeft = secondsLeft
  }
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
  /// The observer asked for it, or a timer.
  case stopped
  /// `Trainer.interrupt` was called.
  case interrupted
}
