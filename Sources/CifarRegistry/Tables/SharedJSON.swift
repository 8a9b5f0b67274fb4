/// JSON that many runs have in common, each text once.
enum SharedJSON {
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

  /// Deletes the next texts that nothing refers to.
  ///
  /// - Parameter last: where the search stands, at first `Int64.min`.
  /// - Returns: whether there may be more.
  static func deleteUnused(after last: inout Int64, in connection: Connection) throws -> Bool {
    let texts = try connection.rows(
      """
      SELECT id, NOT EXISTS (SELECT 1 FROM runs WHERE model = texts.id)
        AND NOT EXISTS (SELECT 1 FROM runs WHERE shared = texts.id)
        AND NOT EXISTS (SELECT 1 FROM sessions WHERE git_changes = texts.id) AS is_unused
      FROM texts WHERE id > ? ORDER BY id LIMIT 10
      """, [.integer(last)], of: .texts
    ) { (id: try $0.key("id"), isUnused: try $0.flag("is_unused")) }
    for text in texts where text.isUnused {
      try connection.run("DELETE FROM texts WHERE id = ?", [.integer(text.id)])
    }
    guard let end = texts.last else { return false }
    last = end.id
    return true
  }
}
