import CSQLite

/// An SQL function that reads a number as JSON writes it, whatever the locale.
enum DecimalNumber {
  /// What it is called in SQL.
  static let function = "decimal_number"

  /// Makes the function known to a connection.
  /// - Returns: SQLite's result code.
  static func register(with handle: OpaquePointer) -> Int32 {
    sqlite3_create_function_v2(
      handle, function, 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nil,
      { context, _, arguments in
        // NULL for what is no number.
        guard let argument = arguments?[0], let text = sqlite3_value_text(argument) else { return }
        let bytes = UnsafeBufferPointer(start: text, count: Int(sqlite3_value_bytes(argument)))
        guard let number = Double(String(decoding: bytes, as: UTF8.self)), !number.isNaN else {
          return
        }
        sqlite3_result_double(context, number)
      }, nil, nil, nil)
  }
}
