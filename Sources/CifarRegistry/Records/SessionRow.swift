/// One start or resume of a run.
public struct SessionRow: Sendable, Equatable {
  public var id: Int64
  public var started: Timestamp
  /// nil while it runs, and for one that crashed.
  public var ended: Timestamp?
  public var status: RunStatus
  /// Why it ended, in words; empty while it runs.
  public var reason: String
  public var durationSeconds: Double
  public var host: String
  public var pid: Int32
  /// Without the uncommitted changes, which may be long: see `Registry.gitChanges`.
  public var info: SessionInfo
  /// Names the uncommitted changes: sessions that had the same ones have the same number. nil for
  /// none.
  public var gitChanges: Int64?
  /// Where it took up the run: completed epochs and batches of the next. nil for the first session.
  public var resumedFrom: Position?

  public struct Position: Sendable, Equatable {
    public var epoch: Int
    public var batch: Int
  }
}
