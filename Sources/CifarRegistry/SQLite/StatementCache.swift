import CSQLite
import CifarCore

/// Prepared statements that are not in use, by their text: what is done ten thousand times is
/// compiled once.
final class StatementCache {
  private var idle: [String: OpaquePointer] = [:]
  private static let most = 32

  /// - Returns: a statement that nobody else has, with nothing bound.
  func take(_ sql: String, _ connection: Connection) throws -> OpaquePointer {
    if let statement = idle.removeValue(forKey: sql) { return statement }
    var prepared: OpaquePointer?
    try connection.check(
      sqlite3_prepare_v3(
        connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil))
    guard let prepared else { throw CifarError(.internal, "an empty statement was prepared") }
    return prepared
  }

  /// Ends a statement's run; its locks go with it.
  func giveBack(_ statement: OpaquePointer) {
    sqlite3_reset(statement)
    sqlite3_clear_bindings(statement)
    guard let text = sqlite3_sql(statement) else {
      sqlite3_finalize(statement)
      return
    }
    // Texts that hold a moment or keys are used once and drive the others out in the end.
    if idle.count >= StatementCache.most { clear() }
    if let other = idle.updateValue(statement, forKey: String(cString: text)) {
      sqlite3_finalize(other)
    }
  }

  func clear() {
    for statement in idle.values { sqlite3_finalize(statement) }
    idle = [:]
  }
}
