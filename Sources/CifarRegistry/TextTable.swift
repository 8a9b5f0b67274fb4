/// JSON that many runs have in common, each text once.
enum TextTable {
  /// - Parameter sql: an expression that gives the text of `value`; NULL is not stored.
  /// - Returns: the text's key, nil for NULL.
  static func intern(
    _ value: String, as sql: String = "json(?1)", in connection: Connection
  ) throws -> Int64? {
    try connection.run(
      "INSERT OR IGNORE INTO texts (json) SELECT text FROM (SELECT \(sql) AS text) "
        + "WHERE text IS NOT NULL", [.text(value)])
    return try connection.integer("SELECT id FROM texts WHERE json = \(sql)", [.text(value)])
  }

  /// Deletes what no run refers to any more.
  static func deleteUnused(in connection: Connection) throws {
    try connection.run(
      """
      DELETE FROM texts WHERE id NOT IN (SELECT model FROM runs)
        AND id NOT IN (SELECT shared FROM runs WHERE shared IS NOT NULL)
      """)
  }
}
