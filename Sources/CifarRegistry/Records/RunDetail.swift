import CifarCore

/// Everything about a run but the bytes of its checkpoints, all from one moment.
public struct RunDetail: Sendable, Equatable {
  public var summary: RunSummary
  /// JSON, as the run was created.
  public var hyperparameters: String
  /// JSON, as the run was created.
  public var model: String
  public var datasetHash: String?
  public var seed: UInt64
  public var retention: Retention
  /// Oldest first; at least one.
  public var sessions: [SessionRow]
  /// The current ones, in order; see `Registry.epochs(of:)`.
  public var epochs: [EpochMetrics]
  /// Oldest first.
  public var checkpoints: [CheckpointRow]
  /// What the program measured itself, by name and then epoch.
  public var metrics: [MetricRow] = []
  /// Oldest first.
  public var notes: [Note] = []
  /// The best weights class by class; nil if they were not evaluated.
  public var evaluation: ClassEvaluation?

  public var id: String { summary.id }
}
