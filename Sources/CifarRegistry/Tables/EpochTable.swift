import CifarCore

/// The table `epochs`, and what the row of a run repeats of it.
enum EpochTable {
  /// Whole numbers take two bytes in the file instead of eight, and a rate above a thousand is not
  /// known to four digits anyway.
  private static func stored(_ value: Double?, of metric: EpochMetric) -> Double? {
    guard let value, metric.format == .whole, (1000..<1e9).contains(value) else { return value }
    return value.rounded()
  }

  private static let metricColumns = EpochMetric.allCases.map(\.name).joined(separator: ", ")

  /// The columns `epochs` to `last_val_loss` of a run, from its rows.
  static func summary(_ run: String) -> String {
    let current = "FROM epochs e WHERE e.run = \(run) AND e.superseded = 0"
    return """
      (SELECT count(*) \(current)), (SELECT max(val_accuracy) \(current)),
      (SELECT min(val_loss) \(current)),
      (SELECT val_accuracy \(current) ORDER BY epoch DESC LIMIT 1),
      (SELECT val_loss \(current) ORDER BY epoch DESC LIMIT 1)
      """
  }

  static func insert(
    _ row: EpochMetrics, run: Int64, session: Int64, in connection: Connection
  ) throws {
    var values: [SQLValue] = [.integer(run), .integer(row.epoch), .integer(session)]
    var nan: [String] = []
    for metric in EpochMetric.allCases {
      let value = row[metric]
      if let value, value.isNaN { nan.append(metric.name) }
      values.append(.number(stored(value, of: metric)))
    }
    values.append(.text(nan.joined(separator: " ")))
    let marks = values.map { _ in "?" }.joined(separator: ", ")
    try connection.run(
      "INSERT INTO epochs (run, epoch, session, \(metricColumns), nan) VALUES (\(marks))", values)
    let accuracy = SQLValue.number(row[.valAccuracy])
    let loss = SQLValue.number(row[.valLoss])
    try connection.run(
      """
      UPDATE runs SET epochs = epochs + 1,
        best_val_accuracy = max(coalesce(best_val_accuracy, ?1), coalesce(?1, best_val_accuracy)),
        best_val_loss = min(coalesce(best_val_loss, ?2), coalesce(?2, best_val_loss)),
        (last_val_accuracy, last_val_loss) = (SELECT val_accuracy, val_loss FROM epochs
          WHERE run = ?3 AND superseded = 0 ORDER BY epoch DESC LIMIT 1)
      WHERE id = ?3
      """, [accuracy, loss, .integer(run)])
  }

  /// Repeats a run's first current epochs in another run.
  static func copy(
    from old: Int64, upTo epoch: Int, to new: Int64, session: Int64, in connection: Connection
  ) throws {
    try connection.run(
      """
      INSERT INTO epochs (run, epoch, session, \(metricColumns), nan)
      SELECT ?1, epoch, ?2, \(metricColumns), nan FROM epochs
      WHERE run = ?3 AND superseded = 0 AND epoch <= ?4
      """, [.integer(new), .integer(session), .integer(old), .integer(epoch)])
    try summarize(run: new, in: connection)
  }

  /// Writes what the list shows of a run again, from the rows.
  static func summarize(run: Int64, in connection: Connection) throws {
    try connection.run(
      """
      UPDATE runs SET (epochs, best_val_accuracy, best_val_loss, last_val_accuracy, last_val_loss)
        = (SELECT \(summary("runs.id"))) WHERE id = ?
      """, [.integer(run)])
  }

  /// The validation losses of a run in order, NaN where there is none.
  static func validationLosses(of run: Int64, in connection: Connection) throws -> [Double] {
    try connection.rows(
      "SELECT run, epoch, session, val_loss FROM epochs WHERE run = ? AND superseded = 0 "
        + "ORDER BY epoch", [.integer(run)], of: .epochs
    ) { try $0.number("val_loss") ?? .nan }
  }

  /// The current ones, in order.
  static func rows(of run: Int64, in connection: Connection) throws -> [EpochMetrics] {
    try connection.rows(
      "\(select) WHERE run = ? AND superseded = 0 ORDER BY epoch", [.integer(run)], of: .epochs,
      read)
  }

  private static let select =
    "SELECT run, epoch, session, superseded, \(metricColumns), nan FROM epochs"

  /// What is wrong with the rows of all runs.
  static func damage(in registry: Registry) throws -> [CifarError] {
    var last: (run: Int64, epoch: Int)?
    return try registry.damage(
      """
      SELECT run, epoch, session, superseded, \(metricColumns), nan,
        \(SessionReference.sql(of: "epochs")) FROM epochs
      """, of: .epochs, key: ["run", "epoch", "session"].map { (sql: $0, column: $0) }
    ) { row in
      let epoch = try read(row).epoch
      try SessionReference.check(row)
      guard try !row.flag("superseded") else { return }
      let run = try row.key("run")
      if let last, last == (run, epoch) {
        throw row.illegal("superseded", nil, "1, as another row of this epoch is current")
      }
      last = (run, epoch)
    }
  }

  private static func read(_ row: Row) throws -> EpochMetrics {
    let nan = try row.text("nan").split(separator: " ")
    return try EpochMetrics(epoch: row.count("epoch", in: 1...Limits.epochs)) { metric in
      try row.number(metric.name, in: metric.range)
        ?? (nan.contains { $0 == metric.name } ? .nan : nil)
    }
  }
}
