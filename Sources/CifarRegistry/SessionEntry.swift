import CifarCore

/// Something that a session writes about its run.
///
/// Entries are values, so that they can wait in order until the registry can be written, and several
/// go in one transaction.
public enum SessionEntry: Sendable {
  /// The row of an epoch that is not recorded yet.
  case epoch(EpochMetrics)
  /// Prunes what the run's retention does not keep, too.
  case checkpoint(NewCheckpoint)
  /// Each takes the place of one of the same name and epoch.
  case metrics([MetricRow])
  /// A remark, of any number of lines.
  case note(String)
  /// The last one.
  case end(SessionEnd)

  /// - Throws: `invalidArgument` for an illegal value.
  public func check() throws {
    switch self {
    case .epoch(let row): try row.check()
    case .checkpoint(let checkpoint): try checkpoint.check()
    case .metrics(let metrics):
      for metric in metrics {
        try MetricTable.check(metric.name)
        try SessionEntry.check(epoch: metric.epoch)
      }
    case .note: break
    case .end(let end):
      guard end.status != .running && end.status != .crashed else {
        throw CifarError(.invalidArgument, "a session cannot end as \(end.status.rawValue)")
      }
    }
  }

  static func check(epoch: Int) throws {
    guard (1...Limits.epochs).contains(epoch) else {
      throw CifarError(.invalidArgument, "epochs count from 1 to \(Limits.epochs), not \(epoch)")
    }
  }

  /// The same with all that can be computed before a lock is taken: hashing takes longer than
  /// writing.
  public var prepared: SessionEntry {
    guard case .checkpoint(var checkpoint) = self else { return self }
    checkpoint.hash()
    return .checkpoint(checkpoint)
  }
}

/// How a session ended.
public struct SessionEnd: Sendable, Equatable {
  /// Anything but `running` and `crashed`.
  public var status: RunStatus
  /// Why, in words: "all epochs done", "early stopping: val_loss has not improved …".
  public var reason: String
  public var time: Timestamp

  public init(_ status: RunStatus, reason: String, time: Timestamp = .now) {
    self.status = status
    self.reason = reason
    self.time = time
  }
}

extension NewCheckpoint {
  fileprivate func check() throws {
    guard (0...Limits.epochs).contains(epoch), (0...Limits.batches).contains(batch),
      (0...Limits.steps).contains(step)
    else {
      throw CifarError(
        .invalidArgument,
        "a checkpoint has an epoch from 0 to \(Limits.epochs), a batch from 0 to "
          + "\(Limits.batches) and a step from 0 to \(Limits.steps)")
    }
  }
}

// MARK: Writing

/// What identifies a session in the tables.
struct SessionKeys: Sendable {
  var run: Int64
  var session: Int64
  var token: String
}

extension SessionEntry {
  /// Writes entries in order, within a transaction in which the session owns the run.
  ///
  /// - Parameters:
  ///   - run: the start of the run's UUID, for messages.
  ///   - becomesCurrent: whether the rows that lead to this session have to be made current first.
  /// - Returns: the id of the last checkpoint among them.
  static func write(
    _ entries: [SessionEntry], of keys: SessionKeys, run: String, becomesCurrent: Bool,
    in connection: Connection
  ) throws -> Int64? {
    if becomesCurrent {
      try Lineage.mark(to: keys.session, run: keys.run, in: connection)
    }
    var saved: Int64?
    for entry in entries {
      switch entry {
      case .epoch(let row): try insert(row, of: keys, run, in: connection)
      case .checkpoint(let checkpoint):
        saved = try CheckpointTable.insert(
          checkpoint, run: keys.run, session: keys.session, in: connection)
      case .metrics(let metrics):
        for metric in metrics {
          try MetricTable.insert(metric, run: keys.run, session: keys.session, in: connection)
        }
      case .note(let text):
        try connection.run(
          "INSERT INTO notes (run, created, text) VALUES (?, ?, ?)",
          [.integer(keys.run), .time(.now), .text(text)])
      case .end(let end): try write(end, of: keys, in: connection)
      }
    }
    if saved != nil { try CheckpointTable.prune(run: keys.run, in: connection) }
    return saved
  }

  private static func insert(
    _ epoch: EpochMetrics, of keys: SessionKeys, _ run: String, in connection: Connection
  ) throws {
    let isKnown = try connection.integer(
      "SELECT 1 FROM epochs WHERE run = ? AND epoch = ? AND superseded = 0",
      [.integer(keys.run), .integer(epoch.epoch)])
    if isKnown != nil {
      throw CifarError(.invalidState, "epoch \(epoch.epoch) of run \(run) is recorded already")
    }
    try EpochTable.insert(epoch, run: keys.run, session: keys.session, in: connection)
  }

  private static func write(
    _ end: SessionEnd, of keys: SessionKeys, in connection: Connection
  ) throws {
    // Not before its start, also where the clock was set back meanwhile.
    try connection.run(
      """
      UPDATE sessions SET ended = max(?1, started), heartbeat = max(?1, started), status = ?2,
        reason = ?3 WHERE id = ?4
      """,
      [.time(end.time), .text(end.status.rawValue), .text(end.reason), .integer(keys.session)])
    try connection.run(
      "UPDATE runs SET status = ?, owner = NULL WHERE id = ?",
      [.text(end.status.rawValue), .integer(keys.run)])
  }
}

extension EpochMetrics {
  /// - Throws: `invalidArgument`.
  func check() throws {
    try SessionEntry.check(epoch: epoch)
    for metric in EpochMetric.allCases {
      guard let value = self[metric], !value.isNaN, !metric.range.contains(value) else { continue }
      throw CifarError(
        .invalidArgument,
        "epoch \(epoch) has the \(metric.name) \(value), which is not in "
          + "\(metric.range.lowerBound) to \(metric.range.upperBound)")
    }
  }
}
