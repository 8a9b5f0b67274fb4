/// A column of a table that a migration makes.
struct SchemaColumn {
  /// What a number can be. Metrics have none: any double is legal, which STRICT checks.
  struct Range {
    /// For messages.
    var words: String
    /// In SQL; one that is NULL holds.
    var condition: String

    init(words: String, condition: String) {
      self.words = words
      self.condition = condition
    }

    init(_ column: String, _ range: ClosedRange<Int>) {
      self.init(
        column, from: range.lowerBound, to: range.upperBound == .max ? nil : range.upperBound)
    }

    /// nil for a range without ends.
    init?(_ column: String, _ range: ClosedRange<Double>) {
      guard range.lowerBound.isFinite else { return nil }
      self.init(
        column, from: range.lowerBound, to: range.upperBound.isInfinite ? nil : range.upperBound)
    }

    private init<Bound>(_ column: String, from least: Bound, to most: Bound?) {
      words = most.map { "from \(least) to \($0)" } ?? "at least \(least)"
      condition =
        most.map { "\(column) BETWEEN \(least) AND \($0)" } ?? "\(column) >= \(least)"
    }
  }

  var name: String
  var type: String
  var range: Range?
  /// A comment in the table's definition.
  var note: String?
  /// What fills it from the row of the older schema.
  var source: String
  /// Whether the older schema has it.
  var isOld: Bool
  /// Its name and what it can be in the older schema.
  private(set) var oldName: String
  private(set) var oldRange: Range?

  init(
    _ name: String, _ type: String, _ range: Range? = nil, from source: String? = nil,
    isOld: Bool? = nil, note: String? = nil
  ) {
    self.name = name
    self.type = type
    self.range = range
    self.note = note
    self.source = source ?? name
    self.isOld = isOld ?? (source == nil)
    oldName = name
    oldRange = range
  }

  /// Says what the older schema called it.
  mutating func rename(from old: String, _ range: Range?) {
    source = old
    oldName = old
    oldRange = range
  }

  init(
    _ name: String, _ type: String, _ range: ClosedRange<Int>, from source: String? = nil,
    isOld: Bool? = nil, note: String? = nil
  ) {
    self.init(name, type, Range(name, range), from: source, isOld: isOld, note: note)
  }

  init(
    _ name: String, _ type: String, where condition: String, words: String = "", note: String? = nil
  ) {
    self.init(name, type, Range(words: words, condition: condition), note: note)
  }

  fileprivate var definition: String {
    "\(name) \(type)" + (range.map { " CHECK (\($0.condition))" } ?? "")
  }
}

/// A table that a migration rebuilds.
struct SchemaTable {
  var name: String
  var columns: [SchemaColumn]
  var primaryKey: String?
  var options = "STRICT"
  /// Whether keys are never used again.
  var isCounted = false
  /// Further tables whose rows it takes in, each with what fills the columns that they lack.
  var merged: [(table: String, values: [String: String])] = []

  /// SQL that makes the table and fills it from the one of the same name.
  var rebuilt: String {
    let names = columns.map(\.name).joined(separator: ", ")
    let sequence =
      isCounted
      ? """
      DELETE FROM sqlite_sequence WHERE name = 'new_\(name)';
      INSERT INTO sqlite_sequence (name, seq)
        SELECT 'new_\(name)', seq FROM sqlite_sequence WHERE name = '\(name)';
      """ : ""
    let others = merged.map { table, values in
      let sources = columns.map { values[$0.name] ?? $0.source }.joined(separator: ", ")
      return "INSERT INTO new_\(name) (\(names)) SELECT \(sources) FROM \(table);\n"
    }
    return """
      CREATE TABLE new_\(name) (
      \(definition)
      ) \(options);
      INSERT INTO new_\(name) (\(names))
        SELECT \(columns.map(\.source).joined(separator: ", ")) FROM \(name);
      \(others.joined())\(sequence)
      DROP TABLE \(name);
      ALTER TABLE new_\(name) RENAME TO \(name);

      """
  }

  /// One line a column, its comment at the end.
  private var definition: String {
    let entries =
      columns.map { (text: $0.definition, note: $0.note) }
      + (primaryKey.map { [(text: "PRIMARY KEY (\($0))", note: nil)] } ?? [])
    return entries.enumerated().map { index, entry in
      "  " + entry.text + (index == entries.count - 1 ? "" : ",")
        + (entry.note.map { " -- \($0)" } ?? "")
    }.joined(separator: "\n")
  }
}
