import CSQLite

/// Sets cells of a registry to values that its own writer would not put there.
enum CellEditor {
  /// Takes away what keeps values out: NOT NULL and STRICT.
  static func loosen(_ path: String) throws {
    try withDatabase(path) { database in
      for sql in [
        "PRAGMA writable_schema = ON",
        """
        UPDATE sqlite_schema SET sql = replace(replace(sql, ' NOT NULL', ''), ') STRICT', ')')
        WHERE type = 'table'
        """,
      ] {
        guard sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK else {
          throw BrokenPromise("the schema stays: \(String(cString: sqlite3_errmsg(database)))")
        }
      }
    }
  }

  static func shrink(_ path: String, pageSize: Int) throws {
    try withDatabase(path) { database in
      let sql = "PRAGMA page_size = \(pageSize); VACUUM"
      guard sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK else {
        throw BrokenPromise("the pages stay: \(String(cString: sqlite3_errmsg(database)))")
      }
    }
  }

  /// - Parameter edits: four bytes each: column (two), row, value. What follows the last whole
  ///   one is the text that a cell may be set to.
  static func edit(_ path: String, _ edits: [UInt8]) throws {
    try withDatabase(path) { database in
      sqlite3_exec(database, "PRAGMA ignore_check_constraints = ON", nil, nil, nil)
      sqlite3_exec(database, "PRAGMA foreign_keys = OFF", nil, nil, nil)
      sqlite3_exec(database, "PRAGMA synchronous = OFF", nil, nil, nil)
      sqlite3_exec(database, "PRAGMA journal_mode = MEMORY", nil, nil, nil)
      let columns = columns(of: database)
      guard !columns.isEmpty else { throw BrokenPromise("no columns") }
      let text = Array(edits.suffix(min(32, edits.count / 2)))
      for start in stride(from: 0, to: min(edits.count - edits.count % 4, 64), by: 4) {
        let column = columns[(Int(edits[start]) << 8 | Int(edits[start + 1])) % columns.count]
        set(column, row: Int(edits[start + 2] % 8), edits[start + 3], text, in: database)
      }
    }
  }

  private static func withDatabase(_ path: String, _ body: (OpaquePointer?) throws -> Void) throws {
    var database: OpaquePointer?
    defer { sqlite3_close_v2(database) }
    guard sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else {
      throw BrokenPromise("SQLite does not open \(path)")
    }
    try body(database)
  }

  private static func columns(of database: OpaquePointer?) -> [(table: String, column: String)] {
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    sqlite3_prepare_v2(
      database,
      """
      SELECT m.name, p.name FROM sqlite_schema m, pragma_table_info(m.name) p
      WHERE m.type = 'table' ORDER BY 1, 2
      """, -1, &statement, nil)
    var columns: [(String, String)] = []
    while sqlite3_step(statement) == SQLITE_ROW {
      columns.append(
        (
          String(cString: sqlite3_column_text(statement, 0)),
          String(cString: sqlite3_column_text(statement, 1))
        ))
    }
    return columns
  }

  /// A value that can't be set, such as the second of a unique column, is left out.
  private static func set(
    _ cell: (table: String, column: String), row: Int, _ value: UInt8, _ text: [UInt8],
    in database: OpaquePointer?
  ) {
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    let sql = """
      UPDATE "\(cell.table)" SET "\(cell.column)" = ?
      WHERE rowid = (SELECT rowid FROM "\(cell.table)" LIMIT 1 OFFSET \(row))
      """
    guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK else { return }
    bind(value, text, to: statement)
    sqlite3_step(statement)
  }

  private static func bind(_ value: UInt8, _ text: [UInt8], to statement: OpaquePointer?) {
    let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    let integers: [Int64] = [
      -1, 0, 1, 2, 1 << 31, (1 << 31) - 1, .max, .min, 1 << 53, -3, 1 << 32,
    ]
    let reals = [Double.infinity, -.infinity, 1e308, -1e-308, 0.5, 1e19, -9.3e18]
    let texts = ["", "NaN", "1e999", "2026-13-45T99:99:99.999Z", "[[[[", "{}", "running", "null"]
    switch value % 40 {
    case 0: sqlite3_bind_null(statement, 1)
    case 1...11: sqlite3_bind_int64(statement, 1, integers[Int(value % 40) - 1])
    case 12...18: sqlite3_bind_double(statement, 1, reals[Int(value % 40) - 12])
    case 19...26: sqlite3_bind_text(statement, 1, texts[Int(value % 40) - 19], -1, transient)
    case 27...29: sqlite3_bind_blob(statement, 1, text, Int32(text.count), transient)
    case 30...32:
      let long = String(repeating: "x", count: 5000)
      sqlite3_bind_text(statement, 1, long, -1, transient)
    default:
      _ = text.withUnsafeBytes {
        sqlite3_bind_text(
          statement, 1, $0.bindMemory(to: CChar.self).baseAddress, Int32($0.count), transient)
      }
    }
  }
}
