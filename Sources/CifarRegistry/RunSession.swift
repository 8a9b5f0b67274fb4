import CifarCore
import Glibc
import Synchronization

/// The right to write to one run, from its start or resume until it ends or is taken over.
///
/// May be used from any thread; the calls take turns. Every call writes one transaction: it has
/// happened whole when it returns, or not at all when it throws, and then it may be tried again.
public final class RunSession: @unchecked Sendable {
  /// The run's UUID.
  public let id: String
  /// The checkpoint that the session took up; nil for a new run.
  public let resumedFrom: CheckpointRow?
  /// A secret of this session, which proves that an import comes from it.
  public var token: String { keys.token }

  private struct State {
    /// Whether the run's current rows lead to this session.
    var isCurrent = false
    var finished = false
    /// How the session ended, where that could not be written down.
    var unwrittenEnd: SessionEnd?
  }

  private let registry: Registry
  private let keys: SessionKeys
  private let state = Mutex(State())
  private let process = getpid()

  init(registry: Registry, id: String, keys: SessionKeys, resumedFrom: CheckpointRow?) {
    self.registry = registry
    self.id = id
    self.keys = keys
    self.resumedFrom = resumedFrom
  }

  deinit {
    guard process == getpid(), !state.withLock({ $0.finished }) else { return }
    let end = state.withLock { $0.unwrittenEnd }
    do {
      let dropped = SessionEnd(.interrupted, reason: "dropped by the program without an end")
      try write([.end(end ?? dropped)])
    } catch {
      // Readers find out that the session is gone when its process ends.
      Log.write(.warning, "run \(id): its end cannot be recorded: \(error)")
    }
  }

  /// Writes entries in order, all or none.
  ///
  /// - Returns: the id of the last checkpoint among them; nil without one.
  /// - Throws: `invalidArgument` for an illegal value; `invalidState` for an epoch that this
  ///   session recorded before, and after its end; `busy` if another session has taken over the run,
  ///   or, with `isTransient`, if others hold the registry; `diskFull`, `io`. The run's older
  ///   checkpoints stay as they were.
  @discardableResult
  public func write(_ entries: [SessionEntry]) throws -> Int64? {
    for entry in entries { try entry.check() }
    let entries = entries.map(\.prepared)
    var end: SessionEnd?
    if case .end(let last)? = entries.last { end = last }
    let addsRows = entries.contains {
      switch $0 {
      case .epoch, .checkpoint, .metrics: true
      case .note, .end: false
      }
    }
    let isCurrent = state.withLock { state in
      if let end { state.unwrittenEnd = end }
      return state.isCurrent
    }
    let saved = try owning { connection in
      try SessionEntry.write(
        entries, of: keys, run: "\(id.prefix(8))", becomesCurrent: addsRows && !isCurrent,
        in: connection)
    }
    state.withLock { state in
      if addsRows { state.isCurrent = true }
      if end != nil { state.finished = true }
    }
    return saved
  }

  /// Records an epoch and, with it, its checkpoint: both or neither.
  ///
  /// Prunes what the run's retention does not keep, in the same transaction.
  /// - Returns: the checkpoint's id, nil without one.
  /// - Throws: as `write`.
  @discardableResult
  public func record(epoch: EpochMetrics, checkpoint: NewCheckpoint? = nil) throws -> Int64? {
    try write([.epoch(epoch)] + (checkpoint.map { [.checkpoint($0)] } ?? []))
  }

  /// Saves a checkpoint alone, in the middle of an epoch or before the first.
  /// - Returns: the checkpoint's id.
  /// - Throws: as `write`.
  @discardableResult
  public func save(checkpoint: NewCheckpoint) throws -> Int64 {
    guard let id = try write([.checkpoint(checkpoint)]) else {
      throw CifarError(.internal, "a saved checkpoint has no id")
    }
    return id
  }

  /// Records values that the program measured itself, all or none. One of the same name and epoch is
  /// replaced.
  /// - Throws: as `write`; `invalidArgument` for a name with other characters than letters,
  ///   digits, `_` and `.`.
  public func record(metrics: [MetricRow]) throws {
    if !metrics.isEmpty { try write([.metrics(metrics)]) }
  }

  /// Records one value: see `record(metrics:)`.
  public func record(metric: MetricRow) throws { try record(metrics: [metric]) }

  /// Adds a remark to the run.
  /// - Throws: as `write`.
  public func note(_ text: String) throws { try write([.note(text)]) }

  /// Puts other facts in the place of those that the session began with.
  /// - Throws: as `write`.
  public func replace(environment: [String: JSONValue]) throws {
    let text = try JSONValue.object(environment).text
    try owning { [session = keys.session] connection in
      _ = try connection.run(
        "UPDATE sessions SET environment = ? WHERE id = ?", [.text(text), .integer(session)])
    }
  }

  /// Tells readers on other machines that the session lives; every half minute is often enough.
  /// - Throws: `busy` if another session has taken over the run.
  public func heartbeat() throws {
    try owning { _ in }
  }

  /// Ends the session. Nothing can be written through it afterwards.
  /// - Parameters:
  ///   - status: anything but `running` and `crashed`.
  ///   - reason: why, in words: "all epochs done", "early stopping: val_loss has not improved …".
  /// - Throws: as `write`. It is tried once more when the session is let go of.
  public func finish(status: RunStatus, reason: String) throws {
    try write([.end(SessionEnd(status, reason: reason))])
  }

  /// Has the session end so when it is let go of: for one whose real end is kept elsewhere.
  public func willEnd(_ end: SessionEnd) { state.withLock { $0.unwrittenEnd = end } }

  /// Runs `body` in a transaction in which this session is certainly the run's owner.
  private func owning<Result: Sendable>(_ body: (Connection) throws -> Result) throws -> Result {
    if state.withLock({ $0.finished }) {
      throw CifarError(.invalidState, "the session of run \(id.prefix(8)) has ended")
    }
    return try registry.writing { connection in
      let owned = try connection.run(
        """
        UPDATE sessions SET heartbeat = ? WHERE id = ? AND token = ?
          AND EXISTS (SELECT 1 FROM runs WHERE runs.id = sessions.run AND owner = sessions.id
            AND trashed IS NULL)
        """, [.time(.now), .integer(keys.session), .text(keys.token)])
      guard owned == 1 else {
        throw CifarError(
          .busy,
          "run \(id.prefix(8)) in \(registry.path) was taken over by another session; this "
            + "one can no longer write")
      }
      return try body(connection)
    }
  }
}
