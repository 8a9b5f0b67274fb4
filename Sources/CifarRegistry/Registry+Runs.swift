import CifarCore

extension Registry {
  /// The runs, newest first.
  /// - Parameter limit: at most so many; nil for all.
  public func runs(limit: Int? = nil) throws -> [RunSummary] {
    try runs(RunQuery(limit: limit))
  }

  /// The runs that a query asks for.
  /// - Throws: `invalidArgument` for a filter or field that does not exist; the message names the
  ///   column of the filter.
  public func runs(_ query: RunQuery) throws -> [RunSummary] {
    try reading { connection in
      let reader = RunReader(try RunLook(in: connection))
      let end = try query.sql(reader.look)
      let columns = try query.columns(reader.look)
      let sql = "SELECT \(reader.columns)\(columns) FROM runs r"
      let found = try connection.rows(sql + end.text, end.values) { row in
        var run = reader.summary(row)
        run.values = query.fields.indices.map { row.value(RunReader.columnCount + $0) }
        return (key: row.integer(0), run: run)
      }
      guard query.withLosses else { return found.map(\.run) }
      return try found.map { key, run in
        var run = run
        run.validationLosses = try EpochTable.validationLosses(of: key, in: connection)
        return run
      }
    }
  }

  /// - Parameter text: a run's UUID, at least its first four characters, or its exact name.
  /// - Throws: `notFound`; `ambiguous`, naming the candidates.
  public func run(matching text: String) throws -> RunDetail {
    try reading { connection in
      let run = try RunLookup.find(text, in: connection)
      let reader = RunReader(try RunLook(in: connection))
      let detail = try connection.first(
        reader.details + " WHERE r.id = ?", [.integer(run.key)], reader.detail)
      guard var detail else {
        throw CifarError(
          .badData, "run \(run.uuid) refers to a row that is missing; look with: cifar-runs verify")
      }
      detail.sessions = try connection.rows(
        reader.sessions, [.integer(run.key)], reader.session)
      detail.epochs = try EpochTable.rows(of: run.key, in: connection)
      detail.checkpoints = try CheckpointTable.all(of: run.key, in: connection)
      detail.metrics = try MetricTable.rows(of: run.key, in: connection)
      detail.notes = try connection.rows(
        "SELECT created, text FROM notes WHERE run = ? ORDER BY id", [.integer(run.key)]
      ) { Note(created: $0.time(0), text: $0.text(1)) }
      detail.evaluation = try EvaluationTable.read(of: run.key, in: connection)
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

/// Reads runs and sessions, all as they are at one moment.
private struct RunReader {
  let look: RunLook

  init(_ look: RunLook) { self.look = look }

  static let columnCount = 18

  var columns: String {
    """
    r.id, r.uuid, r.name, \(look.status), r.recipe, r.dataset, r.started, r.epochs_planned,
    r.epochs, r.best_val_accuracy, r.best_val_loss, r.last_val_accuracy, r.last_val_loss,
    \(look.duration), (SELECT group_concat(tag, char(10)) FROM tags t WHERE t.run = r.id),
    r.parent, r.parent_checkpoint, r.trashed
    """
  }

  var details: String {
    """
    SELECT \(columns), \(Schema2.completeHyperparameters), m.json, r.dataset_hash, r.seed,
      r.keep_last, r.keep_every
    FROM runs r JOIN texts m ON m.id = r.model LEFT JOIN texts s ON s.id = r.shared
    """
  }

  func summary(_ row: Statement) -> RunSummary {
    RunSummary(
      id: row.text(1), name: row.optionalText(2),
      status: RunStatus(rawValue: row.text(3)) ?? .failed,
      recipe: row.text(4), dataset: row.text(5), started: row.time(6),
      durationSeconds: row.real(13) ?? 0, epochs: row.int(8), epochsPlanned: row.int(7),
      bestValAccuracy: row.real(9), bestValLoss: row.real(10), lastValAccuracy: row.real(11),
      lastValLoss: row.real(12),
      tags: row.text(14).split(separator: "\n").map(String.init),
      parent: row.optionalText(15).map {
        RunSummary.Parent(run: $0, checkpoint: row.integer(16))
      }, trashed: row.optionalTime(17))
  }

  func detail(_ row: Statement) -> RunDetail {
    RunDetail(
      summary: summary(row), hyperparameters: row.text(18), model: row.text(19),
      datasetHash: row.optionalText(20), seed: UInt64(row.text(21)) ?? 0,
      retention: Retention(last: row.optionalInt(22), every: row.optionalInt(23)), sessions: [],
      epochs: [], checkpoints: [])
  }

  var sessions: String {
    """
    SELECT x.id, x.started, x.ended, \(look.sessionStatus("x.status", "x.id")), x.reason,
      x.library_version, x.instruction_set, x.threads, x.command_line, x.resumed_epoch,
      x.resumed_batch, \(look.sessionEnd), x.host, x.pid, x.working_directory, x.git_commit
    FROM sessions x WHERE x.run = ? ORDER BY x.id
    """
  }

  func session(_ row: Statement) -> SessionRow {
    let started = row.time(1)
    return SessionRow(
      id: row.integer(0), started: started, ended: row.optionalTime(2),
      status: RunStatus(rawValue: row.text(3)) ?? .failed, reason: row.text(4),
      durationSeconds: max(0, row.time(11).seconds(since: started)), host: row.text(12),
      pid: Int32(truncatingIfNeeded: row.integer(13)),
      info: SessionInfo(
        libraryVersion: row.text(5), instructionSet: row.text(6), threads: row.int(7),
        commandLine: row.text(8), workingDirectory: row.optionalText(14),
        gitCommit: row.optionalText(15)),
      resumedFrom: row.optionalInt(9).map {
        SessionRow.Position(epoch: $0, batch: row.optionalInt(10) ?? 0)
      })
  }
}
