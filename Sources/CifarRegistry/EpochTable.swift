import CifarCore

/// The table `epochs`, and with it the current line of a run's history.
enum EpochTable {
  private static let metrics: [(column: String, value: @Sendable (EpochRow) -> Double?)] = [
    ("train_loss", { $0.trainLoss }), ("train_accuracy", { $0.trainAccuracy }),
    ("val_loss", { $0.valLoss }), ("val_accuracy", { $0.valAccuracy }), ("lr", { $0.learningRate }),
    ("seconds", { $0.seconds }), ("images_per_second", { $0.imagesPerSecond }),
  ]
  private static let metricColumns = metrics.map(\.column).joined(separator: ", ")

  static func insert(
    _ row: EpochRow, run: Int64, session: Int64, in connection: Connection
  ) throws {
    var values: [SQLValue] = [.integer(run), .integer(row.epoch), .integer(session)]
    var nan: [String] = []
    for metric in metrics {
      let value = metric.value(row)
      if let value, value.isNaN { nan.append(metric.column) }
      values.append(value.flatMap { $0.isNaN ? nil : .real($0) } ?? .null)
    }
    values.append(.text(nan.joined(separator: " ")))
    let marks = values.map { _ in "?" }.joined(separator: ", ")
    try connection.run(
      "INSERT INTO epochs (run, epoch, session, \(metricColumns), nan) VALUES (\(marks))", values)
  }

  static func rows(of run: Int64, in connection: Connection) throws -> [EpochRow] {
    try connection.rows(
      "SELECT epoch, \(metricColumns), nan FROM epochs WHERE run = ? ORDER BY epoch",
      [.integer(run)], read)
  }

  private static func read(_ row: Statement) -> EpochRow {
    let nan = Set(row.text(metrics.count + 1).split(separator: " ").map(String.init))
    let values = metrics.indices.map { index -> Double? in
      row.real(index + 1) ?? (nan.contains(metrics[index].column) ? .nan : nil)
    }
    return EpochRow(
      epoch: row.int(0), trainLoss: values[0] ?? .nan, trainAccuracy: values[1] ?? .nan,
      valLoss: values[2], valAccuracy: values[3], learningRate: values[4] ?? .nan,
      seconds: values[5] ?? .nan, imagesPerSecond: values[6] ?? .nan)
  }

  /// Makes the history that leads to `session` the run's current line.
  ///
  /// A session that resumed another one's checkpoint continues the epochs up to that checkpoint,
  /// and so on back to the first. Whatever is not on that way is set aside, whatever is on it but
  /// was set aside earlier comes back.
  static func select(lineOf session: Int64, run: Int64, in connection: Connection) throws {
    let line = """
      WITH RECURSIVE line (session, until_epoch, until_batch, parent, epoch, batch) AS (
        SELECT id, \(Int64.max), 0, resumed_session, resumed_epoch, resumed_batch
          FROM sessions WHERE id = \(session)
        UNION ALL
        SELECT s.id, l.epoch, l.batch, s.resumed_session, s.resumed_epoch, s.resumed_batch
          FROM line l JOIN sessions s ON s.id = l.parent
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
    try connection.run(
      """
      \(line) UPDATE checkpoints SET superseded = NOT EXISTS (
        SELECT 1 FROM line WHERE line.session = checkpoints.session
          AND (checkpoints.epoch, checkpoints.batch) <= (line.until_epoch, line.until_batch))
      WHERE run = \(run)
      """)
  }
}
