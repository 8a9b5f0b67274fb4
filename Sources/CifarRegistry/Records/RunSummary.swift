/// A run in one line.
public struct RunSummary: Sendable, Equatable {
  /// UUID, lowercase.
  public var id: String
  public var name: String?
  public var status: RunStatus
  public var recipe: String
  public var dataset: String
  public var started: Timestamp
  /// The time spent in all its sessions together.
  public var durationSeconds: Double
  /// Epochs recorded.
  public var epochs: Int
  /// Also one of which a part is to be trained.
  public var epochsPlanned: Int
  /// 9.9 where that is nine tenths of the tenth.
  public var exactEpochs: Double
  /// The highest validation accuracy so far; nil before the first. NaN never counts.
  public var bestValAccuracy: Double?
  /// The lowest validation loss so far; nil before the first. NaN never counts.
  public var bestValLoss: Double?
  /// Of the last epoch; nil before the first, and where it is not a number.
  public var lastValAccuracy: Double?
  public var lastValLoss: Double?
  /// Sorted.
  public var tags: [String] = []
  /// Such as the seeds of one configuration.
  public var group: String?
  /// The run it was forked from.
  public var parent: Parent?
  /// Those of `RunQuery.fields`, in their order.
  public var values: [FieldValue] = []
  /// In order, NaN where there is none; nil unless the query asked for them.
  public var validationLosses: [Double]?
  /// JSON, as the run was created; nil unless the query asked for it.
  public var hyperparameters: String?
  /// When it was put into the trash; nil for a run that is there.
  public var trashed: Timestamp?

  public struct Parent: Sendable, Equatable {
    /// UUID.
    public var run: String
    /// nil where the run was merged from a file that has it into one that has not.
    public var checkpoint: Int64?
  }
}
