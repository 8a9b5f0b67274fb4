import CifarCore

extension Registry {
  /// The runs, newest first.
  /// - Parameter limit: at most so many; nil for all.
  public func runs(limit: Int? = nil) throws -> [RunSummary] {
    try reading { connection in
      try connection.rows(
        RunQuery.summary + " ORDER BY r.id DESC LIMIT ?", [.integer(limit ?? -1)],
        RunQuery(now: .now).summary)
    }
  }

  /// - Parameter text: a run's UUID, at least its first four characters, or its exact name.
  /// - Throws: `notFound`; `ambiguous`, naming the candidates.
  public func run(matching text: String) throws -> RunDetail {
    try reading { connection in
      let run = try RunLookup.find(text, in: connection)
      let query = RunQuery(now: .now)
      let detail = try connection.first(
        RunQuery.detail + " WHERE r.id = ?", [.integer(run.key)], query.detail)
      guard var detail else { throw CifarError(.internal, "run \(run.uuid) is gone") }
      detail.sessions = try connection.rows(
        RunQuery.sessions, [.integer(run.key)], query.session)
      detail.epochs = try EpochTable.rows(of: run.key, in: connection)
      detail.checkpoints = try CheckpointTable.all(of: run.key, in: connection)
      return detail
    }
  }

  /// The epochs of the run's current line, in order: where a run was resumed from an earlier
  /// checkpoint, the rows that lead to where it stands now.
  public func epochs(of run: String) throws -> [EpochRow] {
    try reading { connection in
      let run = try RunLookup.find(run, in: connection)
      return try EpochTable.rows(of: run.key, in: connection)
    }
  }
}

/// Reads runs and sessions. One object looks at all of them from the same process and moment.
private struct RunQuery {
  let now: Timestamp
  let observer = ProcessIdentity.current

  private static let columns = """
    r.uuid, r.name, r.status, r.recipe, r.dataset, r.started, r.epochs_planned,
    (SELECT count(*) FROM epochs e WHERE e.run = r.id),
    (SELECT max(val_accuracy) FROM epochs e WHERE e.run = r.id),
    (SELECT min(val_loss) FROM epochs e WHERE e.run = r.id),
    (SELECT sum(julianday(coalesce(ended, heartbeat)) - julianday(started)) * 86400
      FROM sessions WHERE run = r.id),
    s.heartbeat, s.host, s.boot_id, s.pid_namespace, s.pid, s.pid_start_ticks
    """
  private static let tables = " FROM runs r LEFT JOIN sessions s ON s.id = r.owner"

  static let summary = "SELECT " + columns + tables
  static let detail =
    "SELECT " + columns + ", r.hyperparameters, r.model, r.dataset_hash, r.seed, r.keep_last"
    + tables

  static let sessions = """
    SELECT id, started, ended, status, reason, library_version, instruction_set, threads,
      command_line, resumed_epoch, resumed_batch,
      heartbeat, host, boot_id, pid_namespace, pid, pid_start_ticks
    FROM sessions WHERE run = ? ORDER BY id
    """

  func summary(_ row: Statement) throws -> RunSummary {
    var status = RunStatus(rawValue: row.text(2)) ?? .failed
    // Times are stored to the millisecond; what SQLite's arithmetic adds beyond is noise.
    var duration = ((row.real(10) ?? 0) * 1000).rounded() / 1000
    if status == .running {
      if isGone(row, from: 11) {
        status = .crashed
      } else {
        duration += max(0, now.seconds(since: row.time(11)))
      }
    }
    return RunSummary(
      id: row.text(0), name: row.optionalText(1), status: status, recipe: row.text(3),
      dataset: row.text(4), started: row.time(5), durationSeconds: duration, epochs: row.int(7),
      epochsPlanned: row.int(6), bestValAccuracy: row.real(8), bestValLoss: row.real(9))
  }

  func detail(_ row: Statement) throws -> RunDetail {
    RunDetail(
      summary: try summary(row), hyperparameters: row.text(17), model: row.text(18),
      datasetHash: row.optionalText(19), seed: UInt64(row.text(20)) ?? 0,
      retention: row.optionalInt(21).map { .last($0) } ?? .all, sessions: [],
      epochs: [], checkpoints: [])
  }

  func session(_ row: Statement) throws -> SessionRow {
    var status = RunStatus(rawValue: row.text(3)) ?? .failed
    var end = row.optionalTime(2)
    if status == .running {
      if isGone(row, from: 11) { status = .crashed } else { end = now }
    }
    let resumed = row.optionalInt(9).map {
      SessionRow.Position(epoch: $0, batch: row.optionalInt(10) ?? 0)
    }
    return SessionRow(
      id: row.integer(0), started: row.time(1), ended: row.optionalTime(2), status: status,
      reason: row.text(4),
      durationSeconds: max(0, (end ?? row.time(11)).seconds(since: row.time(1))),
      host: row.text(12), pid: Int32(truncatingIfNeeded: row.integer(15)),
      info: SessionInfo(
        libraryVersion: row.text(5), instructionSet: row.text(6), threads: row.int(7),
        commandLine: row.text(8)),
      resumedFrom: resumed)
  }

  private func isGone(_ row: Statement, from column: Int) -> Bool {
    if row.isNull(column) { return true }
    return SessionOwner(row, from: column).life(seenFrom: observer, now: now) == .dead
  }
}
