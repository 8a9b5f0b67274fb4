import CifarCore

/// A stored checkpoint, without its bytes.
public struct CheckpointRow: Sendable, Equatable {
  /// Unique in the file, never used again.
  public var id: Int64
  /// The run's UUID.
  public var run: String
  public var epoch: Int
  public var batch: Int
  public var step: Int
  public var created: Timestamp
  public var size: Int
  /// SHA-256, lowercase hexadecimal.
  public var sha256: String
  /// Whether it is the best of the run's current ones.
  public var isBest: Bool
  /// Whether a later session replaced it, by resuming the run from an earlier checkpoint.
  public var isSuperseded: Bool
  /// Whether retention keeps it in any case.
  public var isPinned: Bool
  /// Whether only its weights were kept: no training can continue from it.
  public var isWeightsOnly: Bool

  /// Makes sure that a training can continue from it.
  ///
  /// - Throws: `invalidState` where only its weights were kept.
  public func requireFullState() throws {
    guard isWeightsOnly else { return }
    throw CifarError(
      .invalidState,
      "checkpoint \(id) of run \(run.prefix(8)) has its weights only (cifar-runs slim took the rest), "
        + "from which no training can continue: take the run's last checkpoint, or begin a new run "
        + "with these weights: cifar export \(run.prefix(8)) --checkpoint \(id), then cifar train "
        + "--init FILE")
  }
}
