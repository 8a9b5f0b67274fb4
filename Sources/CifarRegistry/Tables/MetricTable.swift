import CifarCore

/// The table `metrics`: what the program measured itself.
enum MetricTable {
  /// A name can be written in a filter as it is.
  static func check(_ name: String) throws {
    let isWord = name.utf8.allSatisfy {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) || $0 == UInt8(ascii: "_")
        || $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
    }
    guard isWord, (1...100).contains(name.utf8.count) else {
      throw CifarError(
        .invalidArgument,
        "a metric's name has 1 to 100 letters, digits, '_' and '.', not '\(name.excerpt)'")
    }
    guard name != "epoch", EpochMetric(rawValue: name) == nil else {
      throw CifarError(
        .invalidArgument,
        "'\(name)' is measured in every epoch anyway: a metric of one's own needs another name")
    }
  }

  /// An epoch that the session did not train keeps what was measured of it before.
  static func insert(
    _ metric: MetricRow, run: Int64, session: Int64, in connection: Connection
  ) throws {
    try connection.run(
      """
      INSERT OR REPLACE INTO metrics (run, name, epoch, session, value, superseded)
      SELECT ?1, ?2, ?3, ?4, ?5, ?3 <= coalesce(resumed_epoch, 0) AND EXISTS (
        SELECT 1 FROM metrics
        WHERE run = ?1 AND name = ?2 AND epoch = ?3 AND session <> ?4 AND superseded = 0)
      FROM sessions WHERE id = ?4
      """,
      [
        .integer(run), .text(metric.name), .integer(metric.epoch), .integer(session),
        .number(metric.value),
      ])
  }

  /// The current ones.
  static func rows(of run: Int64, in connection: Connection) throws -> [MetricRow] {
    try connection.rows(
      """
      SELECT run, name, epoch, session, superseded, value FROM metrics
      WHERE run = ? AND superseded = 0 ORDER BY name, epoch
      """, [.integer(run)], of: .metrics, read)
  }

  /// What is wrong with the rows of all runs.
  static func damage(in registry: Registry) throws -> [CifarError] {
    try registry.damage(
      """
      SELECT run, name, epoch, session, superseded, value, \(SessionReference.sql(of: "metrics"))
      FROM metrics
      """, of: .metrics, key: ["run", "name", "epoch", "session"].map { (sql: $0, column: $0) }
    ) { row in
      try SessionReference.check(row)
      return try read(row)
    }
  }

  private static func read(_ row: Row) throws -> MetricRow {
    _ = try row.flag("superseded")
    return MetricRow(
      name: try row.text("name"), epoch: try row.count("epoch", in: 1...Limits.epochs),
      value: try row.number("value") ?? .nan)
  }
}
