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

  struct Keys: Sendable {
    var run: Int64
    var session: Int64
    var token: String
  }

  private struct State {
    /// Whether the run's current line leads to this session.
    var ownsLine = false
    var finished = false
    /// How the session ended, where that could not be written down.
    var unwrittenEnd: (status: RunStatus, reason: String)?
  }

  private let registry: Registry
  private let keys: Keys
  private let state = Mutex(State())
  private let process = getpid()

  init(registry: Registry, id: String, keys: Keys, resumedFrom: CheckpointRow?) {
    self.registry = registry
    self.id = id
    self.keys = keys
    self.resumedFrom = resumedFrom
  }

  deinit {
    guard process == getpid(), !state.withLock({ $0.finished }) else { return }
    let end = state.withLock { $0.unwrittenEnd }
    do {
      try finish(
        status: end?.status ?? .interrupted,
        reason: end?.reason ?? "dropped by the program without an end")
    } catch {
      // Readers find out that the session is gone when its process ends.
      Log.write(.warning, "run \(id): its end can't be recorded: \(error)")
    }
  }

  /// Records an epoch and, with it, its checkpoint: both or neither.
  ///
  /// Prunes what the run's retention does not keep, in the same transaction.
  /// - Returns: the checkpoint's id, nil without one.
  /// - Throws: `invalidState` for an epoch that this session recorded before; `busy` if another
  ///   session has taken over the run; `diskFull`, `io`. The run's older checkpoints stay as they
  ///   were.
  @discardableResult
  public func record(epoch: EpochRow, checkpoint: NewCheckpoint? = nil) throws -> Int64? {
    guard (1...Limits.epochs).contains(epoch.epoch) else {
      throw CifarError(
        .invalidArgument, "epochs count from 1 to \(Limits.epochs), not \(epoch.epoch)")
    }
    return try write(epoch: epoch, checkpoint: checkpoint)
  }

  /// Saves a checkpoint alone, in the middle of an epoch or before the first.
  /// - Returns: the checkpoint's id.
  /// - Throws: as `record`.
  @discardableResult
  public func save(checkpoint: NewCheckpoint) throws -> Int64 {
    guard let id = try write(epoch: nil, checkpoint: checkpoint) else {
      throw CifarError(.internal, "a saved checkpoint has no id")
    }
    return id
  }

  /// Records values that the program measured itself, all or none. One of the same name and epoch is
  /// replaced.
  /// - Throws: as `record`; `invalidArgument` for a name with other characters than letters,
  ///   digits, `_` and `.`.
  public func record(metrics: [MetricRow]) throws {
    for metric in metrics {
      try MetricTable.check(metric.name)
      guard (1...Limits.epochs).contains(metric.epoch) else {
        throw CifarError(
          .invalidArgument, "epochs count from 1 to \(Limits.epochs), not \(metric.epoch)")
      }
    }
    guard !metrics.isEmpty else { return }
    try owning { connection in
      for metric in metrics {
        try MetricTable.insert(metric, run: keys.run, session: keys.session, in: connection)
      }
    }
  }

  /// Records one value: see `record(metrics:)`.
  public func record(metric: MetricRow) throws { try record(metrics: [metric]) }

  /// Adds a remark to the run.
  /// - Throws: as `record`.
  public func note(_ text: String) throws {
    try owning { connection in
      _ = try connection.run(
        "INSERT INTO notes (run, created, text) VALUES (?, ?, ?)",
        [.integer(keys.run), .time(.now), .text(text)])
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
  /// - Throws: as `record`. It is tried once more when the session is let go of.
  public func finish(status: RunStatus, reason: String) throws {
    guard status != .running && status != .crashed else {
      throw CifarError(.invalidArgument, "a session cannot end as \(status.rawValue)")
    }
    state.withLock { $0.unwrittenEnd = (status, reason) }
    try owning { connection in
      let now = Timestamp.now
      try connection.run(
        "UPDATE sessions SET ended = ?, heartbeat = ?, status = ?, reason = ? WHERE id = ?",
        [
          .time(now), .time(now), .text(status.rawValue), .text(reason), .integer(keys.session),
        ])
      try connection.run(
        "UPDATE runs SET status = ?, owner = NULL WHERE id = ?",
        [.text(status.rawValue), .integer(keys.run)])
    }
    state.withLock { $0.finished = true }
  }

  private func write(epoch: EpochRow?, checkpoint: NewCheckpoint?) throws -> Int64? {
    if let checkpoint {
      guard (0...Limits.epochs).contains(checkpoint.epoch),
        (0...Limits.batches).contains(checkpoint.batch),
        (0...Limits.steps).contains(checkpoint.step)
      else {
        throw CifarError(
          .invalidArgument,
          "a checkpoint has an epoch from 0 to \(Limits.epochs), a batch from 0 to "
            + "\(Limits.batches) and a step from 0 to \(Limits.steps)")
      }
    }
    // Before any lock is taken: hashing takes longer than writing.
    let sha256 = checkpoint.map { SHA256.hexadecimal(of: $0.data) }
    let ownsLine = state.withLock { $0.ownsLine }
    let saved = try owning { connection -> Int64? in
      if !ownsLine {
        try EpochTable.select(lineOf: keys.session, run: keys.run, in: connection)
      }
      if let epoch { try insert(epoch, in: connection) }
      guard let checkpoint, let sha256 else { return nil }
      let id = try CheckpointTable.insert(
        checkpoint, sha256: sha256, run: keys.run, session: keys.session, in: connection)
      try CheckpointTable.prune(run: keys.run, in: connection)
      return id
    }
    state.withLock { $0.ownsLine = true }
    return saved
  }

  private func insert(_ epoch: EpochRow, in connection: Connection) throws {
    let isKnown = try connection.integer(
      "SELECT 1 FROM epochs WHERE run = ? AND epoch = ?",
      [.integer(keys.run), .integer(epoch.epoch)])
    if isKnown != nil {
      throw CifarError(
        .invalidState, "epoch \(epoch.epoch) of run \(id.prefix(8)) is recorded already")
    }
    try EpochTable.insert(epoch, run: keys.run, session: keys.session, in: connection)
  }

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
