import CifarCore

/// A way through a whole table in the order of its key, in batches that are read in about 10 ms each.
///
/// Nothing is held between two batches; what changes meanwhile is seen as it is when its turn comes.
struct RowWalk: Sendable {
  /// A query without its end, from WHERE on.
  private let select: String
  /// The key's columns in SQL, and what the query calls them.
  private let key: [(sql: String, column: String)]
  private let table: Row.Table
  private var last: [FieldValue]?
  private var batchSize = 200

  /// - Parameter key: columns that say which row it is and are indexed in this order.
  init(_ select: String, of table: Row.Table, key: [(sql: String, column: String)]) {
    self.select = select
    self.table = table
    self.key = key
  }

  /// Reads the next batch.
  /// - Returns: whether there may be more.
  mutating func advance(
    in connection: Connection, _ receive: (Row) throws -> Void
  ) throws -> Bool {
    let start = MonotonicTime.seconds
    let columns = key.map(\.sql).joined(separator: ", ")
    let marks = key.map { _ in "?" }.joined(separator: ", ")
    let rest = last == nil ? "" : "WHERE (\(columns)) > (\(marks)) "
    let values = (last ?? []).map(SQLValue.init) + [.integer(batchSize)]
    var count = 0
    let ends = try connection.rows(
      "\(select) \(rest)ORDER BY \(columns) LIMIT ?", values, of: table
    ) { row in
      count += 1
      try receive(row)
      return count == batchSize ? try key.map { try row.value($0.column) } : nil
    }
    guard let end = ends.last ?? nil else { return false }
    // In a damaged file a key may lead nowhere, or back.
    guard last.map({ FieldValue.rises(from: $0, to: end) }) ?? !end.contains(.null) else {
      return false
    }
    last = end
    let time = MonotonicTime.seconds - start
    if time < 0.005 { batchSize = min(2 * batchSize, 20_000) }
    if time > 0.015 { batchSize = max(batchSize / 2, 20) }
    return true
  }
}

extension SQLValue {
  init(_ value: FieldValue) {
    switch value {
    case .null: self = .null
    case .integer(let value): self = .integer(value)
    case .real(let value): self = value.isNaN ? .null : .real(value)
    case .text(let value): self = .text(value)
    }
  }
}

extension FieldValue {
  /// Whether `end` comes after `start` in SQLite's order: numbers, then texts by their bytes.
  static func rises(from start: [FieldValue], to end: [FieldValue]) -> Bool {
    for (before, after) in zip(start, end) where before != after {
      switch (before, after) {
      case (.integer(let before), .integer(let after)): return before < after
      case (.text(let before), .text(let after)):
        return before.utf8.lexicographicallyPrecedes(after.utf8)
      case (.integer, .text), (.real, .text): return true
      case (.integer(let before), .real(let after)): return Double(before) < after
      case (.real(let before), .integer(let after)): return before < Double(after)
      case (.real(let before), .real(let after)): return before < after
      default: return false
      }
    }
    return false
  }
}

extension Registry {
  /// Reads a table in batches, each in a transaction of its own.
  func walk(_ walk: RowWalk, _ receive: (Row) throws -> Void) throws {
    var walk = walk
    try readingInSteps(&walk) { try $0.advance(in: $1, receive) }
  }

  /// What is wrong with the rows of a table: the error of each that `read` can't read.
  func damage<Result>(
    _ select: String, of table: Row.Table, key: [(sql: String, column: String)],
    _ read: (Row) throws -> Result
  ) throws -> [CifarError] {
    var damage: [CifarError] = []
    try walk(RowWalk(select, of: table, key: key)) { row in
      do {
        _ = try read(row)
      } catch let error as CifarError where error.code == .badData { damage.append(error) }
    }
    return damage
  }
}
