import CifarCore

extension Registry {
  /// The runs, newest first.
  /// - Parameter limit: how many at most; nil for all.
  public func runs(limit: Int? = nil) throws -> [RunSummary] {
    try runs(RunQuery(limit: limit))
  }

  /// The runs that a query asks for.
  ///
  /// A run with an illegal value does not hide the others: it is left out.
  /// - Parameter damaged: gets the error of each run that is left out, which names the value; nil
  ///   writes it as a warning to the log.
  /// - Throws: `invalidArgument` for a filter or field that does not exist; the message names the
  ///   column of the filter.
  public func runs(
    _ query: RunQuery, damaged: ((CifarError) -> Void)? = nil
  ) throws -> [RunSummary] {
    let (runs, damage) = try reading { connection in
      let reader = RunReader(try Liveness(in: connection))
      let end = try query.sql(reader.liveness)
      let columns = try query.columns(reader.liveness)
      var sql = "SELECT \(reader.columns)\(columns) FROM runs r"
      if query.withHyperparameters {
        sql =
          "SELECT \(reader.columns)\(columns), \(Schema2.completeHyperparameters) AS hyperparameters "
          + "FROM runs r LEFT JOIN texts s ON s.id = r.shared"
      }
      var (found, damage) = try connection.soundRows(
        sql + end.text, end.values, of: .runs
      ) { row in
        var run = try reader.summary(row)
        run.values = try query.fields.indices.map { try row.value("value\($0)") }
        if query.withHyperparameters { run.hyperparameters = try row.text("hyperparameters") }
        return (key: try row.key("id"), run: run)
      }
      guard query.withLosses else { return (found.map(\.run), damage) }
      found = try found.compactMap { key, run in
        var run = run
        do {
          run.validationLosses = try EpochTable.validationLosses(of: key, in: connection)
        } catch let error as CifarError where error.code == .badData {
          damage.append(error)
          return nil
        }
        return (key, run)
      }
      return (found.map(\.run), damage)
    }
    for error in damage {
      if let damaged { damaged(error) } else { Log.write(.warning, "a run is left out: \(error)") }
    }
    return runs
  }

  /// The ids of the runs that a query asks for, in its order: a fraction of what reading the runs
  /// takes, and so of the time that a writer waits.
  /// - Parameter damaged: as for `runs`; only the ids are read.
  public func ids(
    _ query: RunQuery, damaged: ((CifarError) -> Void)? = nil
  ) throws -> [String] {
    let (ids, damage) = try reading { connection in
      let end = try query.sql(try Liveness(in: connection))
      return try connection.soundRows(
        "SELECT r.id, r.uuid FROM runs r" + end.text, end.values, of: .runs
      ) { try $0.uuid("uuid") }
    }
    for error in damage {
      if let damaged { damaged(error) } else { Log.write(.warning, "a run is left out: \(error)") }
    }
    return ids
  }

  /// - Parameter text: a run's UUID, at least its first four characters, or its exact name.
  /// - Throws: `notFound`; `ambiguous`, naming the candidates.
  public func run(matching text: String) throws -> RunDetail {
    try reading { connection in
      try Registry.detail(of: try RunLookup.find(text, in: connection), in: connection)
    }
  }

  static func detail(of run: RunLookup, in connection: Connection) throws -> RunDetail {
    let reader = RunReader(try Liveness(in: connection))
    let detail = try connection.first(
      reader.details + " WHERE r.id = ?", [.integer(run.key)], of: .runs, reader.detail)
    guard var detail else {
      throw CifarError(
        .badData, "run \(run.uuid.prefix(8)) in \(connection.path) has lost its model")
    }
    detail.sessions = try connection.rows(
      reader.sessions + " WHERE x.run = ? ORDER BY x.id", [.integer(run.key)], of: .sessions,
      reader.session)
    detail.epochs = try EpochTable.rows(of: run.key, in: connection)
    detail.checkpoints = try CheckpointTable.all(of: run.key, in: connection)
    detail.metrics = try MetricTable.rows(of: run.key, in: connection)
    detail.notes = try connection.rows(
      "SELECT id, created, text FROM notes WHERE run = ? ORDER BY id", [.integer(run.key)],
      of: .notes, Registry.note)
    detail.evaluation = try EvaluationTable.read(of: run.key, in: connection)
    return detail
  }

  /// The run's current epochs, in order: where it was resumed from an earlier checkpoint, those that
  /// lead to where it is now.
  public func epochs(of run: String) throws -> [EpochMetrics] {
    try reading { connection in
      let run = try RunLookup.find(run, in: connection)
      return try EpochTable.rows(of: run.key, in: connection)
    }
  }

  /// What the program measured itself, of the run's current epochs.
  public func metrics(of run: String) throws -> [MetricRow] {
    try reading { connection in
      let run = try RunLookup.find(run, in: connection)
      return try MetricTable.rows(of: run.key, in: connection)
    }
  }

  /// The uncommitted changes that sessions had.
  ///
  /// - Parameter key: `SessionRow.gitChanges`.
  /// - Throws: `badData` where they are missing, or none.
  public func gitChanges(_ key: Int64) throws -> GitChanges {
    try reading { connection in
      let changes = try connection.first(
        "SELECT id, json FROM texts WHERE id = ?", [.integer(key)], of: .texts, Registry.changes)
      guard let changes else {
        throw CifarError(
          .badData, "\(connection.path) has lost the uncommitted changes of a session")
      }
      return changes
    }
  }

  private static func changes(_ row: Row) throws -> GitChanges {
    try row.text("json", as: "the changes of a repository") {
      (try? JSONValue(text: $0)).flatMap { GitChanges($0) }
    }
  }

  /// Makes sure that the changes of a run's sessions can be read.
  static func checkChanges(of run: Int64, in connection: Connection) throws {
    _ = try connection.rows(
      "SELECT id, json FROM texts WHERE id IN (SELECT git_changes FROM sessions WHERE run = ?)",
      [.integer(run)], of: .texts, changes)
  }

  /// What is wrong with values in the tables, a sentence each.
  func damage() throws -> [CifarError] {
    let reader = RunReader(try reading { try Liveness(in: $0) })
    var damage = try damage(
      reader.details, of: .runs, key: [(sql: "r.id", column: "id")], reader.detail)
    damage += try self.damage(
      reader.sessions, of: .sessions, key: [(sql: "x.id", column: "id")], reader.session)
    damage += try self.damage(
      "SELECT id, resumed_session FROM sessions", of: .sessions, key: [(sql: "id", column: "id")]
    ) { row in
      guard case .integer(let origin) = try row.value("resumed_session") else { return }
      if try origin >= row.key("id") {
        throw row.illegal("resumed_session", nil, "an earlier session")
      }
    }
    damage += try self.damage(
      "SELECT id, json FROM texts WHERE id IN (SELECT git_changes FROM sessions)", of: .texts,
      key: [(sql: "id", column: "id")], Registry.changes)
    damage += try EpochTable.damage(in: self)
    damage += try CheckpointTable.damage(in: self)
    damage += try MetricTable.damage(in: self)
    damage += try self.damage(
      "SELECT id, created, text FROM notes", of: .notes, key: [(sql: "id", column: "id")],
      Registry.note)
    return damage + (try EvaluationTable.damage(in: self))
  }

  private static func note(_ row: Row) throws -> Note {
    Note(created: try row.time("created"), text: try row.text("text"))
  }
}

/// Reads runs and sessions, all as they are at one moment.
private struct RunReader {
  let liveness: Liveness

  init(_ liveness: Liveness) { self.liveness = liveness }

  var columns: String {
    """
    r.id, r.uuid, r.name, \(liveness.status) AS status, r.recipe, r.dataset, r.started,
    r.epochs_planned, r.exact_epochs, r.epochs, r.best_val_accuracy, r.best_val_loss, r.last_val_accuracy,
    r.last_val_loss, \(liveness.duration) AS duration,
    (SELECT group_concat(tag, char(10)) FROM tags t WHERE t.run = r.id) AS tags,
    r.parent, r.parent_checkpoint, r.trashed, r.group_name
    """
  }

  var details: String {
    """
    SELECT \(columns), \(Schema2.completeHyperparameters) AS hyperparameters, m.json AS model,
      r.dataset_hash, r.seed, r.keep_last, r.keep_every,
      \(isObject(Schema2.completeHyperparameters)) AS has_options, \(isObject("m.json")) AS has_model
    FROM runs r CROSS JOIN texts m ON m.id = r.model LEFT JOIN texts s ON s.id = r.shared
    """
  }

  private func isObject(_ json: String) -> String {
    "CASE WHEN json_valid(\(json)) THEN json_type(\(json)) = 'object' ELSE 0 END"
  }

  func summary(_ row: Row) throws -> RunSummary {
    let planned = try row.count("epochs_planned", in: 0...Limits.epochs)
    return RunSummary(
      id: try row.uuid("uuid"), name: try row.optionalText("name"), status: try status(row),
      recipe: try row.text("recipe"), dataset: try row.text("dataset"),
      started: try row.time("started"), durationSeconds: try row.number("duration") ?? 0,
      epochs: try row.count("epochs", in: 0...Limits.epochs),
      epochsPlanned: planned,
      exactEpochs: try row.number("exact_epochs", in: Double(planned) - 1...Double(planned))
        ?? Double(planned),
      bestValAccuracy: try row.number("best_val_accuracy", in: EpochMetric.valAccuracy.range),
      bestValLoss: try row.number("best_val_loss"),
      lastValAccuracy: try row.number("last_val_accuracy", in: EpochMetric.valAccuracy.range),
      lastValLoss: try row.number("last_val_loss"),
      tags: (try row.optionalText("tags") ?? "").split(separator: "\n").map(String.init),
      group: try row.optionalText("group_name"),
      parent: try row.optionalUUID("parent").map {
        RunSummary.Parent(
          run: $0,
          checkpoint: try row.isNull("parent_checkpoint") ? nil : try row.key("parent_checkpoint"))
      }, trashed: try row.optionalTime("trashed"))
  }

  private func status(_ row: Row) throws -> RunStatus {
    try row.text("status", as: "a status such as completed") { RunStatus(rawValue: $0) }
  }

  func detail(_ row: Row) throws -> RunDetail {
    for (column, flag) in [("hyperparameters", "has_options"), ("model", "has_model")] {
      guard try row.flag(flag) else { throw row.illegal(column, nil, "a JSON object") }
    }
    return RunDetail(
      summary: try summary(row), hyperparameters: try row.text("hyperparameters"),
      model: try row.text("model"), datasetHash: try row.optionalText("dataset_hash"),
      seed: try row.text("seed", as: "a whole number of 64 bits") { UInt64($0) },
      retention: Retention(
        last: try row.optionalCount("keep_last", in: 1...Int.max),
        every: try row.optionalCount("keep_every", in: 1...Int.max)), sessions: [], epochs: [],
      checkpoints: [])
  }

  /// Without its end, from WHERE on.
  var sessions: String {
    """
    SELECT x.id, x.started, x.ended, \(liveness.sessionStatus("x.status", "x.id")) AS status, x.reason,
      x.library_version, x.instruction_set, x.threads, x.command_line, x.resumed_epoch,
      x.resumed_batch, \(liveness.sessionEnd) AS "end", x.heartbeat, x.host, x.pid, x.pid_start_ticks,
      x.working_directory, x.git_commit, x.environment, x.git_changes
    FROM sessions x
    """
  }

  func session(_ row: Row) throws -> SessionRow {
    let started = try row.time("started")
    _ = try row.time("heartbeat")
    _ = try row.count("pid_start_ticks")
    let epoch = try row.optionalCount("resumed_epoch", in: 0...Limits.epochs)
    let batch = try row.optionalCount("resumed_batch", in: 0...Limits.batches)
    var info = SessionInfo(
      libraryVersion: try row.text("library_version"),
      instructionSet: try row.text("instruction_set"),
      threads: try row.count("threads", in: 0...Limits.threads),
      commandLine: try row.text("command_line"),
      workingDirectory: try row.optionalText("working_directory"),
      gitCommit: try row.optionalText("git_commit"))
    if try !row.isNull("environment") {
      info.environment = try row.text("environment", as: "a JSON object") { text in
        if case .object(let facts)? = try? JSONValue(text: text) { facts } else { nil }
      }
    }
    return SessionRow(
      id: try row.key("id"), started: started, ended: try row.optionalTime("ended"),
      status: try status(row), reason: try row.text("reason"),
      durationSeconds: max(0, try row.time("end").seconds(since: started)),
      host: try row.text("host"),
      pid: Int32(clamping: try row.count("pid", in: 0...Int(Int32.max))),
      info: info,
      gitChanges: try row.isNull("git_changes") ? nil : row.key("git_changes"),
      resumedFrom: epoch.map { SessionRow.Position(epoch: $0, batch: batch ?? 0) })
  }
}
