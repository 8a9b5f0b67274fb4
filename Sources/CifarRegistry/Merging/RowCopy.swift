import CifarCore

/// Copies rows from one registry into another, whatever columns they have.
struct RowCopy {
  let source: Connection
  let target: Connection

  /// The columns that both files have: a newer schema may have more.
  func columns(of table: String) throws -> [String] {
    func names(_ connection: Connection) throws -> [String] {
      try connection.rows("SELECT name FROM pragma_table_info(?) ORDER BY cid", [.text(table)]) {
        $0.text(0)
      }
    }
    let known = try names(target)
    let given = Set(try names(source))
    return known.filter(given.contains)
  }

  /// Copies the rows of a run.
  ///
  /// - Parameters:
  ///   - order: columns that the rows are read in the order of.
  ///   - column: which one says whose row it is.
  ///   - changed: gets a row by its columns, and returns it with the keys of the target; nil for a
  ///     row that is left out.
  func copy(
    _ table: String, of run: Int64, by column: String = "run", order: String,
    without left: Set<String> = [],
    _ changed: ([String: SQLValue]) throws -> [String: SQLValue]?
  ) throws {
    let columns = try columns(of: table).filter { !left.contains($0) }
    let list = columns.joined(separator: ", ")
    let reading = try Statement(
      source, "SELECT \(list) FROM \(table) WHERE \(column) = ? ORDER BY \(order)")
    try reading.bind([.integer(run)])
    while try reading.step() {
      let old = Dictionary(
        uniqueKeysWithValues: columns.enumerated().map { ($0.element, reading.sqlValue($0.offset)) }
      )
      guard let new = try changed(old) else { continue }
      try insert(new, into: table)
    }
  }

  func insert(_ row: [String: SQLValue], into table: String) throws {
    let columns = row.keys.sorted()
    let marks = columns.map { _ in "?" }.joined(separator: ", ")
    try target.run(
      "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(marks))",
      columns.map { row[$0] ?? .null })
  }
}

extension Statement {
  /// What is stored, to be bound to another statement before the next step.
  func sqlValue(_ column: Int) -> SQLValue {
    isBlob(column) ? .blob(blob(column)) : SQLValue(value(column))
  }
}
