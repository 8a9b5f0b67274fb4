import CifarCore
import Glibc

extension Registry {
  /// Looks for damage: SQLite's own structures, what others added, references between rows, illegal
  /// values, the hash of every checkpoint, and the summaries against the rows they repeat.
  ///
  /// Others can write meanwhile: everything is read in batches. SQLite's check of the whole file yields
  /// to a writer that waits, and is tried again; where trainings never leave it the time, it is left
  /// out.
  /// - Parameters:
  ///   - run: check this run's checkpoints only; nil for all.
  ///   - leftOut: gets a sentence about a check that was left out; nil writes it as a warning to the
  ///     log.
  ///   - progress: called with the checkpoints that were read so far and how many there are.
  /// - Returns: a sentence for each thing that is wrong; none if all is well.
  public func verify(
    run: String? = nil, leftOut: ((String) -> Void)? = nil, progress: ((Int, Int) -> Void)? = nil
  ) throws -> [String] {
    let key = try run.map { run in try reading { try RunLookup.find(run, in: $0).key } }
    let strangers = try strangers().map(\.sentence)
    let leftOut = leftOut ?? { line in Log.write(.warning, line) }
    return try strangers + damage(ofCheckpointsOf: key, leftOut: leftOut, progress: progress)
  }

  /// What `verify` finds but for what others added.
  func damage(
    ofCheckpointsOf run: Int64?, leftOut: (String) -> Void, progress: ((Int, Int) -> Void)?
  ) throws -> [String] {
    var problems = try structure(leftOut)
    let checkpoints = { try self.damagedCheckpoints(of: run, progress) }
    for part in [references, values, summaries, checkpointsWithoutEpoch, checkpoints] {
      do {
        problems += try part()
      } catch let error as CifarError where error.code == .badData {
        // Of a file that is damaged not all can be read.
        problems.append(error.message)
      }
    }
    return problems
  }

  private func values() throws -> [String] { try damage().map(\.message) }

  // MARK: SQLite's own structures

  /// How often a check yields before it is left out.
  private static let tries = 10

  private func structure(_ leftOut: (String) -> Void) throws -> [String] {
    for _ in 0..<Registry.tries {
      if let found = try checkYielding("PRAGMA integrity_check") { return found }
    }
    // One table after another takes less time each; what is between them, such as free pages, is left.
    var problems: [String] = []
    var unchecked: [String] = []
    for table in Registry.tables {
      var found: [String]?
      for _ in 0..<Registry.tries where found == nil {
        found = try checkYielding("PRAGMA integrity_check(\(table))")
      }
      problems += found ?? []
      if found == nil { unchecked.append(table) }
    }
    let rest = unchecked.isEmpty ? "free pages" : unchecked.joined(separator: ", ")
    leftOut(
      "\(path): SQLite's check of \(rest) was left out, as others write all the time; verify again "
        + "when they have ended")
    return problems
  }

  /// - Returns: nil if a writer came.
  private func checkYielding(_ pragma: String) throws -> [String]? {
    let found = try reading { connection in
      try connection.yieldingToWriters {
        try connection.rows(pragma, []) { $0.text(0) }.filter { $0 != "ok" }
          .map { "SQLite finds: " + $0.split(separator: "\n").joined(separator: "; ") }
      }
    }
    if found == nil { usleep(UInt32(Pace.pause * 1e6)) }
    return found
  }

  // MARK: References

  /// Columns that name a row of another table, with an index each.
  private static let references = [
    ("runs", "model", "texts", "id"), ("runs", "shared", "texts", "id"),
    ("sessions", "run", "runs", "id"), ("sessions", "git_changes", "texts", "id"),
    ("epochs", "run", "runs", "id"),
    ("metrics", "run", "runs", "id"),
    ("checkpoints", "run", "runs", "id"), ("checkpoints", "blob", "blobs", "id"),
    ("blob_chunks", "blob", "blobs", "id"), ("tags", "run", "runs", "id"),
    ("notes", "run", "runs", "id"), ("evaluations", "run", "runs", "id"),
    ("predictions", "run", "evaluations", "run"),
  ]

  private func references() throws -> [String] {
    var problems: [String] = []
    for (table, column, parent, key) in Registry.references {
      // From one value to the next, however many rows have it.
      let next = """
        SELECT value, NOT EXISTS (SELECT 1 FROM \(parent) p WHERE p.\(key) = value) AS is_missing
        FROM (SELECT min(\(column)) AS value FROM \(table) WHERE \(column) > ?)
        """
      var last = FieldValue.integer(.min)
      try readingInSteps(&last) { last, connection in
        let found = try connection.first(
          next, [SQLValue(last)], of: Row.Table(table, key: "value")
        ) { (value: try $0.value("value"), isMissing: try $0.flag("is_missing")) }
        guard let found, FieldValue.rises(from: [last], to: [found.value]) else { return false }
        if found.isMissing {
          problems.append(
            "\(table).\(column) refers to the row \(found.value.description) of \(parent), which "
              + "is missing")
        }
        last = found.value
        return true
      }
    }
    return problems
  }

  /// A run that was imported begins with a checkpoint whose epochs are not known: its first session
  /// has no rows.
  private func checkpointsWithoutEpoch() throws -> [String] {
    var problems: [String] = []
    let walk = RowWalk(
      """
      SELECT c.id, r.uuid, c.epoch, c.batch = 0 AND c.epoch > 0 AND c.superseded = 0
        AND NOT EXISTS (SELECT 1 FROM epochs e
          WHERE e.run = c.run AND e.epoch = c.epoch AND e.superseded = 0)
        AND EXISTS (SELECT 1 FROM epochs e
          WHERE e.run = c.run AND e.epoch > c.epoch AND e.superseded = 0)
        AND (c.session > (SELECT min(id) FROM sessions s WHERE s.run = c.run)
          OR EXISTS (SELECT 1 FROM epochs e WHERE e.run = c.run AND e.session = c.session))
        AS is_alone
      FROM checkpoints c CROSS JOIN runs r ON r.id = c.run
      """, of: .checkpoints, key: [(sql: "c.id", column: "id")])
    try self.walk(walk) { row in
      guard case .integer(1) = try row.value("is_alone") else { return }
      problems.append(
        "checkpoint \(try row.key("id")) of run \(try row.shortID("uuid")) has no row of epoch "
          + "\(try row.description("epoch"))")
    }
    return problems
  }

  // MARK: Summaries

  private func summaries() throws -> [String] {
    var problems: [String] = []
    // A run that a `gc` has begun to delete has fewer rows than it had.
    let walk = RowWalk(
      """
      SELECT id, uuid, (epochs, best_val_accuracy, best_val_loss, last_val_accuracy, last_val_loss)
        IS NOT (SELECT \(EpochTable.summary("runs.id"))) AND trashed IS NULL AS differs FROM runs
      """, of: .runs, key: [(sql: "id", column: "id")])
    try self.walk(walk) { row in
      if try row.flag("differs") {
        problems.append(
          "the summary of run \(try row.shortID("uuid")) differs from its epoch rows")
      }
    }
    return problems
  }

  // MARK: Checkpoints

  private func damagedCheckpoints(
    of run: Int64?, _ progress: ((Int, Int) -> Void)?
  ) throws -> [String] {
    struct Entry: Sendable {
      var id: Int64
      var blob: Int64
      var name: String
    }
    var entries: [Entry] = []
    let walk = RowWalk(
      """
      SELECT c.id, c.run, coalesce(c.blob, -1) AS blob, r.uuid, c.epoch
      FROM checkpoints c CROSS JOIN runs r ON r.id = c.run
      """, of: .checkpoints, key: [(sql: "c.id", column: "id")])
    try self.walk(walk) { row in
      if let run, try row.key("run") != run { return }
      let id = try row.key("id")
      entries.append(
        Entry(
          id: id, blob: try row.key("blob"),
          name: "checkpoint \(id) of run \(try row.shortID("uuid")) (epoch "
            + "\(try row.description("epoch")))"))
    }
    var isWhole: [Int64: Bool] = [:]
    var problems: [String] = []
    for (index, entry) in entries.enumerated() {
      progress?(index, entries.count)
      if isWhole[entry.blob] == nil {
        isWhole[entry.blob] = try BlobCheck(checkpoint: entry.id, blob: entry.blob).run(in: self)
      }
      if isWhole[entry.blob] == false {
        problems.append("\(entry.name) is damaged: its bytes no longer have the hash they had")
      }
    }
    progress?(entries.count, entries.count)
    return problems
  }
}

extension FieldValue {
  fileprivate var description: String {
    switch self {
    case .null: "NULL"
    case .integer(let value): "\(value)"
    case .real(let value): "\(value)"
    case .text(let value): "'\(value.excerpt)'"
    }
  }
}

extension Row {
  /// The beginning of a run's id, as messages name it; of one that is none, all that can be shown.
  fileprivate func shortID(_ column: String) throws -> String {
    guard case .text(let text) = try value(column), UUIDText.isValid(text) else {
      return try description(column)
    }
    return String(text.prefix(8))
  }
}
