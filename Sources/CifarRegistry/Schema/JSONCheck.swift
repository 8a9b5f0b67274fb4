import CSQLite

/// SQLite's `json_valid` where a schema may use it that is not trusted.
///
/// The tables' conditions ask it. SQLite before 3.41 has it, but does not mark it as harmless
/// (SQLITE_INNOCUOUS), and a connection that trusts no schema refuses it then. So the same function
/// is given to such a connection again: it asks SQLite's own, in a database in memory.
enum JSONCheck {
  private final class Asker {
    private var database: OpaquePointer?
    private var statement: OpaquePointer?

    deinit {
      sqlite3_finalize(statement)
      sqlite3_close(database)
    }

    /// - Returns: nil if there is no memory.
    func isValid(_ value: OpaquePointer?) -> Int32? {
      if statement == nil {
        guard
          sqlite3_open_v2(
            ":memory:", &database,
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, nil) == SQLITE_OK,
          sqlite3_prepare_v3(
            database, "SELECT json_valid(?)", -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil
          )
            == SQLITE_OK
        else { return nil }
      }
      defer {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
      }
      guard sqlite3_bind_value(statement, 1, value) == SQLITE_OK,
        sqlite3_step(statement) == SQLITE_ROW
      else { return nil }
      return sqlite3_column_int(statement, 0)
    }
  }

  /// - Returns: SQLite's code.
  static func register(with handle: OpaquePointer) -> Int32 {
    let innocuous: Int32 = 0x20_0000
    return sqlite3_create_function_v2(
      handle, "json_valid", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | innocuous,
      Unmanaged.passRetained(Asker()).toOpaque(),
      { context, _, values in
        guard let data = sqlite3_user_data(context), let value = values?[0] else { return }
        if sqlite3_value_type(value) == SQLITE_NULL { return sqlite3_result_null(context) }
        let asker = Unmanaged<Asker>.fromOpaque(data).takeUnretainedValue()
        if let answer = asker.isValid(value) {
          sqlite3_result_int(context, answer)
        } else {
          sqlite3_result_error_nomem(context)
        }
      }, nil, nil, { if let data = $0 { Unmanaged<Asker>.fromOpaque(data).release() } })
  }
}
