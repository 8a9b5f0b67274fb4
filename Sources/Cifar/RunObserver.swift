import CifarTraining

/// Follows a run: its training, and what the registry has of it. All calls come on the thread that
/// trains.
public protocol RunObserver: TrainerObserver {
  /// Whether what an epoch left must be in the registry before `epochEnd` is told; otherwise it is
  /// written meanwhile. Where others hold the registry nobody waits.
  var waitsForStorage: Bool { get }
  /// The row of an epoch is in the registry: before `epochEnd` or, where that takes its time, some
  /// batches after it. Never without a registry.
  func epochStored(_ report: EpochReport)
  /// Others hold the registry: while training, for every epoch that waits to be stored; when it is
  /// over, some ten times a second until all is stored.
  ///
  /// - Returns: `stop` to end the training, or the waiting at its end.
  func storageDelayed(_ delay: StorageDelay) throws -> TrainerAnswer
}

extension RunObserver {
  public var waitsForStorage: Bool { true }
  public func epochStored(_ report: EpochReport) {}
  public func storageDelayed(_ delay: StorageDelay) throws -> TrainerAnswer { .proceed }
}

/// What waits because others hold the registry.
public struct StorageDelay: Equatable, Sendable {
  /// Epochs whose rows wait; 0 where only the run's end does.
  public var epochs: Int
  /// How long they hold it.
  public var seconds: Double
  /// Until the waiting ends; nil while training.
  public var secondsLeft: Double?

  /// Seconds from which on a person should hear of it: many trainers may take turns on a busy disk.
  public static let worthTelling = 10.0
}
