import CifarCore

/// The table `epochs`, and with it the current line of a run's history.
enum EpochTable {
  private static let metrics: [(column: String, value: @Sendable (EpochRow) -> Double?)] = [
    ("train_loss", { $0.trainLoss }), ("train_accuracy", { $0.trainAccuracy }),
    ("val_loss", { $0.valLoss }), ("val_accuracy", { $0.valAccuracy }), ("lr", { $0.learningRate }),
    ("seconds", { $0.seconds }), ("images_per_second", { whole($0.imagesPerSecond) }),
  ]
  /// Whole numbers take two bytes in the file instead of eight, and a rate above a thousand is not
  /// known to four digits anyway.
  private static func whole(_ rate: Double) -> Double {
    (1000..<1e9).contains(rate) ? rate.rounded() : rate
  }

  private static let metricColumns = metrics.map(\.column).joined(separator: ", ")

  static func insert(
    _ row: EpochRow, run: Int64, session: Int64, in connection: Connection
  ) throws {
    var values: [SQLValue] = [.integer(run), .integer(row.epoch), .integer(session)]
    var nan: [String] = []
    for metric in metrics {
      let value = metric.value(row)
      if let value, value.isNaN { nan.append(metric.column) }
      values.append(.number(value))
    }
    values.append(.text(nan.joined(separator: " ")))
    let marks = values.map { _ in "?" }.joined(separator: ", ")
    try connection.run(
      "INSERT INTO epochs (run, epoch, session, \(metricColumns), nan) VALUES (\(marks))", values)
    let accuracy = SQLValue.number(row.valAccuracy)
    let loss = SQLValue.number(row.valLoss)
    try connection.run(
      """
      UPDATE runs SET epochs = epochs + 1,
        best_val_accuracy = max(coalesce(best_val_accuracy, ?1), coalesce(?1, best_val_accuracy)),
        best_val_loss = min(coalesce(best_val_loss, ?2), coalesce(?2, best_val_loss)),
        (last_val_accuracy, last_val_loss) = (SELECT val_accuracy, val_loss FROM epochs
          WHERE run = ?3 ORDER BY epoch DESC LIMIT 1)
      WHERE id = ?3
      """, [accuracy, loss, .integer(run)])
  }

  /// Repeats the beginning of a run's current line in another run.
  static func copy(
    from old: Int64, upTo epoch: Int, to new: Int64, session: Int64, in connection: Connection
  ) throws {
    try connection.run(
      """
      INSERT INTO epochs (run, epoch, session, \(metricColumns), nan)
      SELECT ?1, epoch, ?2, \(metricColumns), nan FROM epochs WHERE run = ?3 AND epoch <= ?4
      """, [.integer(new), .integer(session), .integer(old), .integer(epoch)])
    try summarize(run: new, in: connection)
  }

  /// Writes what the list shows of a run again, from the rows.
  static func summarize(run: Int64, in connection: Connection) throws {
    try connection.run(
      """
      UPDATE runs SET (epochs, best_val_accuracy, best_val_loss, last_val_accuracy, last_val_loss)
        = (SELECT \(Schema2.summary("runs.id"))) WHERE id = ?
      """, [.integer(run)])
  }

  /// The validation losses of a run in order, NaN where there is none.
  static func validationLosses(of run: Int64, in connection: Connection) throws -> [Double] {
    try connection.rows(
      "SELECT run, epoch, val_loss FROM epochs WHERE run = ? ORDER BY epoch", [.integer(run)],
      of: .epochs
    ) { try $0.number("val_loss") ?? .nan }
  }

  static func rows(of run: Int64, in connection: Connection) throws -> [EpochRow] {
    try connection.rows(
      "SELECT run, epoch, \(metricColumns), nan FROM epochs WHERE run = ? ORDER BY epoch",
      [.integer(run)], of: .epochs, read)
  }

  /// What is wrong with the rows of all runs, on the current lines and off them.
  static func damage(in registry: Registry) throws -> [CifarError] {
    let columns = "run, epoch, session, \(metricColumns), nan"
    let key = [(sql: "run", column: "run"), (sql: "epoch", column: "epoch")]
    return try registry.damage("SELECT \(columns) FROM epochs", of: .epochs, key: key, read)
      + registry.damage(
        "SELECT \(columns) FROM superseded_epochs", of: .supersededEpochs,
        key: key + [(sql: "session", column: "session")], read)
  }

  private static func read(_ row: Row) throws -> EpochRow {
    let nan = try row.text("nan").split(separator: " ")
    let values = try metrics.map { metric in
      try row.number(metric.column) ?? (nan.contains { $0 == metric.column } ? .nan : nil)
    }
    return EpochRow(
      epoch: try row.count("epoch", in: 1...Limits.epochs), trainLoss: values[0] ?? .nan,
      trainAccuracy: values[1] ?? .nan, valLoss: values[2], valAccuracy: values[3],
      learningRate: values[4] ?? .nan, seconds: values[5] ?? .nan,
      imagesPerSecond: values[6] ?? .nan)
  }

  /// Makes the history that leads to `session` the run's current line.
  ///
  /// A session that resumed another one's checkpoint continues the epochs up to that checkpoint,
  /// and so on back to the first. Whatever is not on that way is set aside, whatever is on it but
  /// was set aside earlier comes back.
  /// - Throws: `badData` for a session that resumed itself or a later one: what leads to it would
  ///   have no beginning.
  static func select(lineageOf session: Int64, run: Int64, in connection: Connection) throws {
    try checkOrigins(of: run, in: connection)
    let line = """
      WITH RECURSIVE line (session, until_epoch, until_batch, parent, epoch, batch) AS (
        SELECT id, \(Int64.max), 0, resumed_session, resumed_epoch, resumed_batch
          FROM sessions WHERE id = \(session)
        UNION ALL
        SELECT s.id, l.epoch, l.batch, s.resumed_session, s.resumed_epoch, s.resumed_batch
          FROM line l JOIN sessions s ON s.id = l.parent AND s.id < l.session
      )
      """
    let columns = "run, epoch, session, \(metricColumns), nan"
    func isOnLine(_ table: String) -> String {
      "EXISTS (SELECT 1 FROM line WHERE line.session = \(table).session "
        + "AND \(table).epoch <= line.until_epoch)"
    }
    for (from, to, condition) in [
      ("epochs", "superseded_epochs", "NOT " + isOnLine("epochs")),
      ("superseded_epochs", "epochs", isOnLine("superseded_epochs")),
    ] {
      try connection.run(
        "\(line) INSERT INTO \(to) (\(columns)) SELECT \(columns) FROM \(from) "
          + "WHERE run = \(run) AND \(condition)")
      try connection.run("\(line) DELETE FROM \(from) WHERE run = \(run) AND \(condition)")
    }
    try summarize(run: run, in: connection)
    try connection.run(
      """
      \(line) UPDATE checkpoints SET superseded = NOT EXISTS (
        SELECT 1 FROM line WHERE line.session = checkpoints.session
          AND (checkpoints.epoch, checkpoints.batch) <= (line.until_epoch, line.until_batch))
      WHERE run = \(run)
      """)
  }

  /// Keys of sessions rise, so that one can only have resumed an earlier one.
  static func checkOrigins(of run: Int64, in connection: Connection) throws {
    _ = try connection.rows(
      "SELECT id, resumed_session FROM sessions WHERE run = ? AND resumed_session >= id",
      [.integer(run)], of: .sessions
    ) { row in
      throw row.illegal("resumed_session", nil, "an earlier session")
    }
  }
}
