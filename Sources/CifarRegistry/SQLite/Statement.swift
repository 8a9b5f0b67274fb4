import CSQLite
import CifarCore

/// A value on its way into a statement.
enum SQLValue {
  case null
  case integer(Int64)
  /// Not NaN: SQLite has none and would store NULL without a word.
  case real(Double)
  case text(String)
  /// Bytes that outlive the statement's run; they are not copied.
  case blob(UnsafeRawBufferPointer)

  static func integer(_ value: Int) -> SQLValue { .integer(Int64(value)) }
  static func optional(_ value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }
  static func optional(_ value: Int?) -> SQLValue { value.map { .integer($0) } ?? .null }
  /// NULL for nothing and for NaN.
  static func number(_ value: Double?) -> SQLValue {
    value.flatMap { $0.isNaN ? nil : .real($0) } ?? .null
  }
  static func time(_ value: Timestamp) -> SQLValue { .text(value.description) }
}

/// One prepared statement. Parameters and columns are counted from 0.
///
/// What is read by a column's number is for keys and texts of the library's own queries; what stands
/// in the tables is read through `Row`, which believes nothing.
final class Statement {
  private let handle: OpaquePointer
  private let connection: Connection

  init(_ connection: Connection, _ sql: String) throws {
    handle = try connection.statements.take(sql, connection)
    self.connection = connection
  }

  deinit { connection.statements.giveBack(handle) }

  /// Binds all parameters; their number must be the statement's.
  func bind(_ values: [SQLValue]) throws {
    guard values.count == Int(sqlite3_bind_parameter_count(handle)) else {
      throw CifarError(.internal, "\(values.count) values do not fit the statement: \(sql)")
    }
    for (offset, value) in values.enumerated() {
      let index = Int32(offset + 1)
      switch value {
      case .null: try connection.check(sqlite3_bind_null(handle, index))
      case .integer(let integer): try connection.check(sqlite3_bind_int64(handle, index, integer))
      case .real(let real):
        if real.isNaN { throw CifarError(.internal, "NaN cannot be bound: \(sql)") }
        try connection.check(sqlite3_bind_double(handle, index, real))
      case .text(let text):
        try connection.check(
          sqlite3_bind_text64(
            handle, index, text, UInt64(text.utf8.count), transient, UInt8(SQLITE_UTF8)))
      case .blob(let bytes):
        // A null pointer would bind NULL where an empty blob is meant.
        let code =
          bytes.isEmpty
          ? sqlite3_bind_zeroblob(handle, index, 0)
          : sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), nil)
        try connection.check(code)
      }
    }
  }

  /// - Returns: whether there is a row to read.
  func step() throws -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    try connection.check(code)
    return false
  }

  /// Makes the statement ready to be bound and run again.
  func reset() { sqlite3_reset(handle) }

  func isNull(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL }
  func isBlob(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_BLOB }
  func integer(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }

  func text(_ column: Int) -> String {
    guard let bytes = sqlite3_column_text(handle, Int32(column)) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, Int32(column)))
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }

  /// What is stored, by its own type; NULL for bytes.
  func value(_ column: Int) -> FieldValue {
    switch sqlite3_column_type(handle, Int32(column)) {
    case SQLITE_INTEGER: .integer(integer(column))
    case SQLITE_FLOAT: .real(sqlite3_column_double(handle, Int32(column)))
    case SQLITE_TEXT: .text(text(column))
    default: .null
    }
  }

  /// What is stored, for a message of one line.
  func description(of column: Int) -> String {
    switch sqlite3_column_type(handle, Int32(column)) {
    case SQLITE_NULL: "NULL"
    case SQLITE_INTEGER: "\(integer(column))"
    case SQLITE_FLOAT: "\(sqlite3_column_double(handle, Int32(column)))"
    case SQLITE_TEXT: "'\(text(column).excerpt)'"
    default: "a blob of \(sqlite3_column_bytes(handle, Int32(column))) bytes"
    }
  }

  private lazy var columnNames = (0..<sqlite3_column_count(handle)).map { index in
    sqlite3_column_name(handle, index).map { String(cString: $0) } ?? ""
  }
  private var lastNamed = 0

  /// The number of a column by its name, which no other column of the query has. The search begins
  /// where the last one ended: most rows are read in the order of their columns.
  func column(_ name: String) -> Int? {
    let names = columnNames
    let found = names[lastNamed...].firstIndex(of: name) ?? names[..<lastNamed].firstIndex(of: name)
    if let found { lastNamed = found }
    return found
  }

  var path: String { connection.path }

  /// The bytes of a column, valid until the next step.
  func blob(_ column: Int) -> UnsafeRawBufferPointer {
    let start = sqlite3_column_blob(handle, Int32(column))
    return UnsafeRawBufferPointer(
      start: start, count: Int(sqlite3_column_bytes(handle, Int32(column))))
  }

  private var sql: String { sqlite3_sql(handle).map { String(cString: $0) } ?? "" }
}

/// SQLITE_TRANSIENT, a cast that Swift does not import: SQLite copies the text.
private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
