import CifarCore

/// What changed from schema 2 to 3: every number has its range, as `Limits` has it; rows that a resume
/// replaced are marked where they are; predictions have a kind; views for people.
///
/// **Superseded rows.** When a session that resumed an earlier checkpoint writes for the first time,
/// the epochs, metrics and checkpoints that do not lead to it are marked as superseded. Nothing
/// measured is lost: a later resume from a superseded checkpoint makes its rows current again. One
/// function marks all three tables, `Lineage.mark`.
///
/// **Tables.** SQLite adds no condition to an existing table, so tables are rebuilt and filled. Only
/// the bytes of checkpoints stay where they are; a trigger checks the numbers of their chunks, for
/// tools that let triggers fire.
enum Schema3 {
  static var sql: String {
    "DROP VIEW run_details;\n" + tables.map(\.rebuilt).joined()
      + """
      DROP TABLE superseded_epochs;
      UPDATE meta SET value = 3 WHERE key = 'readable_by';

      CREATE INDEX runs_by_name ON runs (name) WHERE name IS NOT NULL;
      CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;
      CREATE INDEX runs_trashed ON runs (trashed) WHERE trashed IS NOT NULL;
      CREATE INDEX runs_by_model ON runs (model);
      CREATE INDEX runs_by_shared ON runs (shared) WHERE shared IS NOT NULL;
      CREATE INDEX sessions_by_run ON sessions (run);
      CREATE INDEX checkpoints_by_run ON checkpoints (run);
      CREATE INDEX checkpoints_by_blob ON checkpoints (blob);
      CREATE INDEX tags_by_tag ON tags (tag);
      CREATE INDEX notes_by_run ON notes (run);

      """ + trigger("insert", "INSERT") + trigger("update", "UPDATE") + views
  }

  private static func trigger(_ name: String, _ event: String) -> String {
    """
    CREATE TRIGGER blob_chunks_\(name) BEFORE \(event) ON blob_chunks
      WHEN NEW.number < 0 OR NEW.blob < 1
      BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: number >= 0 AND blob > 0'); END;

    """
  }

  /// Nothing is changed, and nothing is lost, where a value is illegal: only the file's owner knows
  /// what was meant.
  ///
  /// - Throws: `badData`, naming table, column and row, and the command that corrects it.
  static let check: @Sendable (Connection) throws -> Void = { connection in
    var bad: [(text: String, remedy: String)] = []
    for (table, column, range) in ranges {
      let row = rowDescription(of: table)
      let found = try connection.rows(
        """
        SELECT \(row), quote(substr(\(column), 1, 60)) FROM \(table)
        WHERE NOT (\(range.condition)) LIMIT 10
        """
      ) { (row: $0.text(0), value: $0.text(1)) }
      bad += found.map {
        (
          "\(table).\(column) of the row with \($0.row) is \($0.value), not \(range.words)",
          "UPDATE \(table) SET \(column) = … WHERE \($0.row)"
        )
      }
    }
    guard let first = bad.first else { return }
    let others = bad.count == 1 ? "" : ", and \(bad.count - 1) more such values"
    throw CifarError(
      .badData,
      "\(first.text)\(others); correct it with sqlite3, for example: \(first.remedy)")
  }

  /// The ranges of columns that schema 2 has.
  private static var ranges: [(table: String, column: String, range: SchemaColumn.Range)] {
    tables.flatMap { table in
      let names = table.name == "epochs" ? ["epochs", "superseded_epochs"] : [table.name]
      return names.flatMap { name in
        table.columns.filter { $0.isOld }.compactMap { column in
          column.oldRange.map { (name, column.oldName, $0) }
        }
      }
    } + [
      ("blob_chunks", "number", SchemaColumn.Range("number", 0...Int.max)),
      ("blob_chunks", "blob", SchemaColumn.Range("blob", 1...Int.max)),
    ]
  }

  /// Tables without rowid are named by their keys.
  private static func rowDescription(of table: String) -> String {
    let keys = [
      "epochs": ["run", "epoch", "session"], "superseded_epochs": ["run", "epoch", "session"],
      "metrics": ["run", "name", "epoch", "session"], "tags": ["run", "tag"], "meta": ["key"],
    ]
    return (keys[table] ?? ["rowid"]).map { "'\($0) = ' || quote(\($0))" }
      .joined(separator: " || ' AND ' || ")
  }
}
