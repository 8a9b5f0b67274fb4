import CSQLite
import CifarCore

/// One row of a statement, read by the names of its columns into legal values.
///
/// A registry may come from anywhere. A column that is missing, or holds something else than the
/// schema promises, is an error that names table, column and row.
struct Row {
  /// What the columns are called that say which row it is: `uuid`, or `run` and `epoch`.
  struct Table {
    var name: String
    var key: [String]

    init(_ name: String, key: String...) {
      self.name = name
      self.key = key
    }
  }

  private let statement: Statement
  private let table: Table

  init(_ statement: Statement, of table: Table) {
    self.statement = statement
    self.table = table
  }

  /// A whole number within a range.
  /// - Parameter owner: the table that the column comes from, if it is another one.
  func count(
    _ column: String, in range: ClosedRange<Int> = 0...Int.max, of owner: String? = nil
  ) throws -> Int {
    let index = try index(of: column)
    if case .integer(let value) = statement.value(index), let count = Int(exactly: value),
      range.contains(count)
    {
      return count
    }
    let limits =
      range.upperBound == Int.max
      ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
    throw illegal(column, owner, "a whole number \(limits)")
  }

  /// Likewise; nil for NULL.
  func optionalCount(
    _ column: String, in range: ClosedRange<Int> = 0...Int.max
  ) throws -> Int? {
    try isNull(column) ? nil : count(column, in: range)
  }

  /// The key of a row, of this table or of another.
  func key(_ column: String) throws -> Int64 {
    let index = try index(of: column)
    if case .integer(let value) = statement.value(index) { return value }
    throw illegal(column, nil, "the key of a row")
  }

  /// 0 or 1.
  func flag(_ column: String) throws -> Bool { try count(column, in: 0...1) == 1 }

  /// A number within a range; nil for NULL.
  func number(
    _ column: String, in range: ClosedRange<Double> = -.infinity ... .infinity
  ) throws -> Double? {
    let number: Double? =
      switch statement.value(try index(of: column)) {
      case .real(let value): value
      case .integer(let value): Double(value)
      default: nil
      }
    if let number, range.contains(number) { return number }
    if try isNull(column) { return nil }
    let limits =
      range.lowerBound.isInfinite
      ? ""
      : range.upperBound.isInfinite
        ? " of at least \(range.lowerBound)" : " from \(range.lowerBound) to \(range.upperBound)"
    throw illegal(column, nil, "a number\(limits)")
  }

  func text(_ column: String, of owner: String? = nil) throws -> String {
    if case .text(let value) = statement.value(try index(of: column)) { return value }
    throw illegal(column, owner, "a text")
  }

  /// nil for NULL.
  func optionalText(_ column: String) throws -> String? {
    try isNull(column) ? nil : text(column)
  }

  /// A text that is parsed.
  /// - Parameters:
  ///   - what: what it must be, for the message.
  ///   - read: returns nil for an illegal text.
  func text<Value>(_ column: String, as what: String, _ read: (String) -> Value?) throws -> Value {
    if let value = read(try text(column)) { return value }
    throw illegal(column, nil, what)
  }

  /// The id of a run: text that is nothing else, and can be shown, typed and named a file by.
  func uuid(_ column: String, of owner: String? = nil) throws -> String {
    let text = try text(column, of: owner)
    if UUIDText.isValid(text) { return text }
    throw illegal(column, owner, "a UUID such as 3f2a77c0-5b1e-4d2a-9c3f-0123456789ab")
  }

  /// nil for NULL.
  func optionalUUID(_ column: String) throws -> String? {
    try isNull(column) ? nil : uuid(column)
  }

  func time(_ column: String) throws -> Timestamp {
    try text(column, as: "a time such as 2026-11-23T20:22:08.123Z") { Timestamp($0) }
  }

  /// nil for NULL.
  func optionalTime(_ column: String) throws -> Timestamp? {
    try isNull(column) ? nil : time(column)
  }

  /// A copy of the bytes.
  /// - Parameter count: how many there must be.
  func bytes(_ column: String, count: Int) throws -> [UInt8] {
    let index = try index(of: column)
    let bytes = statement.blob(index)
    guard statement.isBlob(index), bytes.count == count else {
      throw illegal(column, nil, "a blob of \(count) bytes")
    }
    return Array(bytes)
  }

  /// What is stored, by its own type; NULL for bytes.
  func value(_ column: String) throws -> FieldValue { statement.value(try index(of: column)) }

  func isNull(_ column: String) throws -> Bool { statement.isNull(try index(of: column)) }

  /// What is stored, for a message.
  func description(_ column: String) throws -> String {
    statement.description(of: try index(of: column))
  }

  private func index(of column: String) throws -> Int {
    if let index = statement.column(column) { return index }
    throw CifarError(.internal, "a query of \(table.name) has no column \(column)")
  }

  /// The error of a column with an illegal value.
  /// - Parameters:
  ///   - owner: the table it comes from; nil for the row's own.
  ///   - wanted: what it must be.
  func illegal(_ column: String, _ owner: String? = nil, _ wanted: String) -> CifarError {
    let row = table.key.map { name in
      "\(name) \(statement.column(name).map(statement.description) ?? "?")"
    }.joined(separator: ", ")
    let value = statement.column(column).map(statement.description) ?? "missing"
    return CifarError(
      .badData,
      "\(statement.path) holds an illegal value: \(owner ?? table.name).\(column) is \(value), "
        + "not \(wanted) (\(owner == nil ? "row" : "of the row of \(table.name)") with \(row)); "
        + "cifar-runs verify lists all such values")
  }
}

extension Connection {
  /// Every row that one statement returns, read by the names of its columns.
  func rows<Result>(
    _ sql: String, _ values: [SQLValue] = [], of table: Row.Table, _ read: (Row) throws -> Result
  ) throws -> [Result] {
    try rows(sql, values) { try read(Row($0, of: table)) }
  }

  /// The first row that one statement returns, nil if there is none.
  func first<Result>(
    _ sql: String, _ values: [SQLValue] = [], of table: Row.Table, _ read: (Row) throws -> Result
  ) throws -> Result? {
    try first(sql, values) { try read(Row($0, of: table)) }
  }

  /// Every row that can be read, and what is wrong with the others.
  func soundRows<Result>(
    _ sql: String, _ values: [SQLValue] = [], of table: Row.Table, _ read: (Row) throws -> Result
  ) throws -> (rows: [Result], damage: [CifarError]) {
    var damage: [CifarError] = []
    let found = try rows(sql, values) { statement -> Result? in
      do {
        return try read(Row(statement, of: table))
      } catch let error as CifarError where error.code == .badData {
        damage.append(error)
        return nil
      }
    }
    return (found.compactMap { $0 }, damage)
  }
}
