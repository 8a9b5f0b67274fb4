import CifarCore

/// That a row belongs to a session of its run.
enum SessionReference {
  private static let column = "has_session"

  /// A column for `check`. - Parameter table: the table that the row is of, as the query calls it.
  static func sql(of table: String) -> String {
    """
    EXISTS (SELECT 1 FROM sessions s
      WHERE s.id = \(table).session AND s.run = \(table).run) AS \(column)
    """
  }

  static func check(_ row: Row) throws {
    guard try row.flag(column) else { throw row.illegal("session", nil, "a session of the run") }
  }
}
