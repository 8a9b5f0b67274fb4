import CSQLite
import CifarCore

/// What is in a file besides the library's own tables, indexes, triggers and view.
///
/// Whatever it is, it does not act on the library's connections: no trigger fires, no view is read
/// (see `Connection.distrust`). What could act all the same, because it belongs to a table of the
/// library, is refused before anything is written.
struct SchemaCheck {
  struct Item: Hashable, Sendable {
    var type: String
    var name: String
    var table: String
    var sql: String

    /// As SQL has it, in a command to paste.
    var dropped: String {
      let quoted = name.replacingScalars { $0 == "\"" ? "\"\"" : nil }
      return "DROP \(type.uppercased()) \"\(quoted.excerpt)\""
    }
  }

  private let present: [Item]
  private let own: [Item]

  init(_ connection: Connection) throws {
    present = try SchemaCheck.items(of: connection)
    own = try SchemaCheck.own()
  }

  /// Each thing that others added, changed or took away.
  var findings: [Stranger] {
    let names = Dictionary(own.map { ($0.name.lowercased(), $0) }) { first, _ in first }
    var findings: [Stranger] = []
    for item in present {
      guard let original = names[item.name.lowercased()] else {
        findings.append(
          Stranger(
            what: "the \(item.type) '\(item.name.excerpt)'\(SchemaCheck.place(item)) is not the "
              + "library's and does not act on it",
            remedy: "sqlite3 takes it away with: \(item.dropped)", isAddition: true))
        continue
      }
      let isSame = SchemaCheck.words(original.sql) == SchemaCheck.words(item.sql)
      if original.type != item.type || !isSame {
        findings.append(
          Stranger(
            what: "the \(original.type) '\(original.name)' is not as the library makes it",
            remedy: "someone changed its definition; restore a backup"))
      }
    }
    let there = Set(present.map { $0.name.lowercased() })
    for item in own where item.type != "index" && !there.contains(item.name.lowercased()) {
      findings.append(
        Stranger(
          what: "the \(item.type) '\(item.name)' is missing",
          remedy: "someone took it away; restore a backup"))
    }
    return findings
  }

  /// An index of someone else's that can make a write fail: one that allows no value twice, or
  /// computes something.
  ///
  /// Asked at every opening for writing, so that it knows the library's indexes from the text of the
  /// schema, without making them.
  static func obstacle(in connection: Connection) throws -> Item? {
    try items(of: connection).first { item in
      item.type == "index" && Registry.tables.contains(item.table.lowercased()) && acts(item.sql)
        && !ownIndexes.contains(words(item.sql))
    }
  }

  private static let ownIndexes = Set(
    Migrations.all.steps.flatMap { step in
      step.sql.split(separator: ";").map { words(String($0)) }.filter {
        $0.starts(with: ["CREATE", "INDEX"])
      }
    })

  private static func acts(_ sql: String) -> Bool {
    let words = words(sql)
    return words.contains("UNIQUE") || words.filter { $0 == "(" }.count > 1
      || words.contains("WHERE")
  }

  private static func place(_ item: Item) -> String {
    ["index", "trigger"].contains(item.type) ? " on \(item.table.excerpt)" : ""
  }

  private static func items(of connection: Connection) throws -> [Item] {
    // What SQLite itself makes has no text, but for the tables of ANALYZE and AUTOINCREMENT.
    try connection.rows(
      """
      SELECT type, name, tbl_name, sql FROM sqlite_schema
      WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid LIMIT 10000
      """
    ) { Item(type: $0.text(0), name: $0.text(1), table: $0.text(2), sql: $0.text(3)) }
  }

  /// The words and signs of a definition, whatever its spaces, comments and quotes.
  private static func words(_ sql: String) -> [String] {
    var words: [String] = []
    var word = ""
    func end() {
      if !word.isEmpty { words.append(word.uppercased()) }
      word = ""
    }
    for line in sql.split(separator: "\n") {
      for character in line.split(separator: "--", maxSplits: 1).first ?? "" {
        switch character {
        case " ", "\t", "\r", "\"": end()
        case "(", ")", ",":
          end()
          words.append(String(character))
        default: word.append(character)
        }
      }
      end()
    }
    return words
  }

  /// What the migrations make, in a database in memory.
  private static func own() throws -> [Item] {
    try made.withLock { made in
      if let made { return made }
      let connection = try Connection(
        opening: ":memory:", path: "a database in memory",
        flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, timeout: 0)
      try Migrations.all.apply(to: connection, timeout: 0)
      let items = try items(of: connection)
      made = items
      return items
    }
  }

  private static let made = ProcessLock<[Item]?>(.schemaCheck, nil)
}

/// A table, view, index or trigger that is not as the library made it.
public struct Stranger: Sendable, Equatable {
  public var what: String
  /// What to do about it.
  public var remedy: String
  /// Whether it is there besides what the library made, which is whole.
  public var isAddition = false

  var sentence: String { "\(what); \(remedy)" }
}

extension Registry {
  /// What is defined in the file that is not the library's, or no longer as it was.
  ///
  /// Of a newer library's file nothing can be said.
  public func strangers() throws -> [Stranger] {
    try reading { connection in
      let version = try connection.integer("PRAGMA user_version")
      return version == Migrations.all.newest ? try SchemaCheck(connection).findings : []
    }
  }
}
