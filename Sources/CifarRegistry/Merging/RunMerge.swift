import CifarCore

/// Brings one run of a file, the source, into another one, the target: whole where the target does not
/// know it, else what it lacks.
///
/// A run is known by its UUID, a session by its token, a checkpoint by session and position, its bytes
/// by their SHA-256. Keys of rows are each file's own.
struct RunMerge {
  enum Outcome: Equatable, Sendable {
    case added
    case updated
    case unchanged
    case conflict(String)
  }

  private let source: Connection
  private let target: Connection
  private let rows: RowCopy
  private let uuid: String
  private let theirs: RunHistory
  /// nil where the target does not have the run.
  private let ours: RunHistory?
  private let relation: RunHistory.Relation

  /// - Throws: `notFound` where the source does not have the run.
  init(_ uuid: String, from source: Connection, to target: Connection) throws {
    self.uuid = uuid
    self.source = source
    self.target = target
    rows = RowCopy(source: source, target: target)
    guard let run = try RunMerge.key(of: uuid, in: source) else {
      throw CifarError(.notFound, "run \(uuid.prefix(8)) is no longer in \(source.path)")
    }
    let theirs = try RunHistory(of: run, in: source)
    let ours = try RunMerge.key(of: uuid, in: target).map { try RunHistory(of: $0, in: target) }
    relation = try ours.map { try theirs.relation(to: $0) } ?? .ahead
    (self.theirs, self.ours) = (theirs, ours)
  }

  /// Whether there is nothing to take from the source but labels.
  var isUpToDate: Bool { relation != .ahead }

  /// - Throws: `badData` for a run that holds an illegal value, or rows that belong to nothing.
  func check() throws {
    _ = try Registry.detail(of: RunLookup(key: theirs.run, uuid: uuid), in: source)
    try Registry.checkChanges(of: theirs.run, in: source)
    for table in ["epochs", "metrics", "checkpoints"] {
      let count = try source.integer(
        """
        SELECT count(*) FROM \(table) WHERE run = ?1
          AND session NOT IN (SELECT id FROM sessions WHERE run = ?1)
        """, [.integer(theirs.run)])
      guard let count, count > 0 else { continue }
      throw damage("\(count) rows of \(table) belong to sessions that are missing")
    }
    let doubled = try source.integer(
      """
      SELECT epoch FROM epochs WHERE run = ? AND superseded = 0
      GROUP BY epoch HAVING count(*) > 1 LIMIT 1
      """, [.integer(theirs.run)])
    if let doubled { throw damage("epoch \(doubled) has several rows that are current") }
  }

  private func damage(_ what: String) -> CifarError {
    CifarError(
      .badData,
      "run \(uuid.prefix(8)) in \(source.path) is damaged: \(what); cifar-runs verify tells what else "
        + "is")
  }

  private static func key(of uuid: String, in connection: Connection) throws -> Int64? {
    try connection.integer("SELECT id FROM runs WHERE uuid = ?", [.text(uuid)])
  }

  /// The run is in the target's trash, which is a decision that nothing here takes back.
  private func isTrashed() throws -> Bool {
    guard let ours else { return false }
    return try target.integer(
      "SELECT 1 FROM runs WHERE id = ? AND trashed IS NOT NULL", [.integer(ours.run)]) != nil
  }

  // MARK: Checkpoints

  /// A checkpoint with the same name in every file.
  private struct Position: Hashable {
    var token: String
    var epoch: Int64
    var batch: Int64
    var created: String
  }

  private struct Checkpoint {
    var key: Int64
    var position: Position
    var isSuperseded: Bool
    var blob: Int64
    /// nil where the blob is missing.
    var content: (sha256: String, size: Int64)?
  }

  private static func checkpoints(
    of run: Int64, in connection: Connection
  ) throws -> [Checkpoint] {
    try connection.rows(
      """
      SELECT c.id, s.token, c.epoch, c.batch, c.created, c.superseded, c.blob, b.sha256, b.size
      FROM checkpoints c JOIN sessions s ON s.id = c.session LEFT JOIN blobs b ON b.id = c.blob
      WHERE c.run = ? ORDER BY c.id
      """, [.integer(run)], of: .checkpoints
    ) { row in
      Checkpoint(
        key: try row.key("id"),
        position: Position(
          token: try row.text("token"), epoch: try row.key("epoch"), batch: try row.key("batch"),
          created: try row.text("created")),
        isSuperseded: try row.flag("superseded"), blob: try row.key("blob"),
        content: try row.isNull("sha256")
          ? nil : (try row.text("sha256", of: "blobs"), try row.key("size")))
    }
  }

  /// The source's checkpoints that the target is to get.
  private func newCheckpoints() throws -> [Checkpoint] {
    guard relation == .ahead, try !isTrashed() else { return [] }
    let known = try ours.map { try RunMerge.checkpoints(of: $0.run, in: target) } ?? []
    let positions = Set(known.map(\.position))
    return try RunMerge.checkpoints(of: theirs.run, in: source)
      .filter { !positions.contains($0.position) }
  }

  private func blobInTarget(_ checkpoint: Checkpoint) throws -> Int64? {
    guard let content = checkpoint.content else {
      throw CifarError(
        .checksumMismatch,
        "checkpoint \(checkpoint.key) of run \(uuid.prefix(8)) in \(source.path) has lost its bytes; "
          + "cifar-runs verify tells what else is damaged")
    }
    return try target.integer(
      "SELECT id FROM blobs WHERE sha256 = ? AND size = ?",
      [.text(content.sha256), .integer(content.size)])
  }

  /// Blobs of the source that have to be copied first.
  func missingBlobs() throws -> [BlobCopy] {
    var seen: Set<Int64> = []
    return try newCheckpoints()
      .filter { try blobInTarget($0) == nil && seen.insert($0.blob).inserted }
      .map { BlobCopy(checkpoint: $0.key, blob: $0.blob) }
  }

  // MARK: Rows

  /// Writes what the target lacks. All blobs that it needs are there.
  /// - Returns: what it came to, and how many checkpoints the target got.
  func run() throws -> (outcome: Outcome, checkpoints: Int) {
    if case .conflict(let reason) = relation { return (.conflict(reason), 0) }
    guard let ours else {
      let run = try insertRun()
      let sessions = try writeSessions(of: run, known: [])
      let count = try writeHistory(of: run, sessions)
      try writeLabels(of: run)
      return (.added, count)
    }
    if try isTrashed() { return (.unchanged, 0) }
    let labels = try writeLabels(of: ours.run)
    guard relation == .ahead else { return (labels > 0 ? .updated : .unchanged, 0) }
    let sessions = try writeSessions(of: ours.run, known: ours.sessions)
    let count = try writeHistory(of: ours.run, sessions)
    try CheckpointTable.prune(run: ours.run, in: target)
    return (.updated, count)
  }

  private func insertRun() throws -> Int64 {
    try rows.copy(
      "runs", of: theirs.run, by: "id", order: "id", without: ["id", "owner"]
    ) { row in
      var row = row
      for column in ["model", "shared"] {
        guard case .integer? = row[column] else { continue }
        row[column] = try sharedText(row[column])
      }
      row["parent_checkpoint"] = try parentCheckpoint(row["parent_checkpoint"])
      return row
    }
    return target.lastInsertedID
  }

  /// The target's key of a text that the source has; NULL for none.
  private func sharedText(_ key: SQLValue?) throws -> SQLValue {
    guard case .integer(let key)? = key else { return .null }
    let text = try source.first("SELECT json FROM texts WHERE id = ?", [.integer(key)]) {
      $0.text(0)
    }
    return try text.flatMap { try SharedJSON.intern($0, in: target) }.map { .integer($0) } ?? .null
  }

  /// The checkpoint that a run was forked from, as the target numbers it; NULL where it has none.
  private func parentCheckpoint(_ key: SQLValue?) throws -> SQLValue {
    guard case .integer(let key)? = key else { return .null }
    let parent = try source.first(
      """
      SELECT r.uuid, s.token, c.epoch, c.batch, c.created FROM checkpoints c
      JOIN runs r ON r.id = c.run JOIN sessions s ON s.id = c.session WHERE c.id = ?
      """, [.integer(key)]
    ) { (0..<5).map($0.sqlValue) }
    guard let parent else { return .null }
    return try target.integer(
      """
      SELECT c.id FROM checkpoints c JOIN runs r ON r.id = c.run JOIN sessions s ON s.id = c.session
      WHERE (r.uuid, s.token, c.epoch, c.batch, c.created) = (?, ?, ?, ?, ?)
      """, parent
    ).map { .integer($0) } ?? .null
  }

  /// - Returns: the target's key of each of the source's sessions.
  private func writeSessions(
    of run: Int64, known: [RunHistory.Session]
  ) throws -> [Int64: Int64] {
    var keys: [Int64: Int64] = [:]
    for session in theirs.sessions {
      guard let own = known.first(where: { $0.token == session.token }) else { continue }
      keys[session.key] = own.key
      guard session.isLater(than: own) else { continue }
      try target.run(
        "UPDATE sessions SET heartbeat = ?, ended = ?, status = ?, reason = ? WHERE id = ?",
        [
          .text(session.heartbeat), .optional(session.ended), .text(session.status),
          .text(session.reason), .integer(own.key),
        ])
    }
    try rows.copy("sessions", of: theirs.run, order: "id") { row in
      var row = row
      guard case .integer(let key)? = row.removeValue(forKey: "id"), keys[key] == nil else {
        return nil
      }
      row["run"] = .integer(run)
      row["git_changes"] = try sharedText(row["git_changes"])
      if case .integer(let origin)? = row["resumed_session"] {
        row["resumed_session"] = keys[origin].map { .integer($0) } ?? .null
      }
      try rows.insert(row, into: "sessions")
      keys[key] = target.lastInsertedID
      return nil
    }
    let owner = try source.integer("SELECT owner FROM runs WHERE id = ?", [.integer(theirs.run)])
    let status = try source.first(
      "SELECT status, epochs_planned, exact_epochs, keep_last, keep_every FROM runs WHERE id = ?",
      [.integer(theirs.run)]
    ) { (0..<5).map($0.sqlValue) }
    try target.run(
      "UPDATE runs SET status = ?, epochs_planned = ?, exact_epochs = ?, keep_last = ?, "
        + "keep_every = ?, owner = ? WHERE id = ?",
      (status ?? [])
        + [owner.flatMap { keys[$0] }.map { .integer($0) } ?? .null, .integer(run)])
    return keys
  }

  /// Epochs, metrics, checkpoints and evaluation, current and superseded as they are in the source.
  /// - Returns: how many checkpoints are new.
  private func writeHistory(of run: Int64, _ sessions: [Int64: Int64]) throws -> Int {
    for (table, order) in [("epochs", "epoch, session"), ("metrics", "name, epoch, session")] {
      // The target has no row that the source has not.
      try target.run("DELETE FROM \(table) WHERE run = ?", [.integer(run)])
      try rows.copy(table, of: theirs.run, order: order) { row in
        try located(row, run, sessions)
      }
    }
    let new = Dictionary(uniqueKeysWithValues: try newCheckpoints().map { ($0.key, $0) })
    try rows.copy("checkpoints", of: theirs.run, order: "id") { row in
      guard case .integer(let key)? = row["id"], let checkpoint = new[key],
        var row = try located(row, run, sessions)
      else { return nil }
      row["id"] = nil
      guard let blob = try blobInTarget(checkpoint) else {
        throw CifarError(.internal, "the bytes of checkpoint \(key) were not copied")
      }
      row["blob"] = .integer(blob)
      return row
    }
    let marks = try RunMerge.checkpoints(of: theirs.run, in: source)
    for checkpoint in try RunMerge.checkpoints(of: run, in: target) {
      guard let mark = marks.first(where: { $0.position == checkpoint.position }),
        mark.isSuperseded != checkpoint.isSuperseded
      else { continue }
      try target.run(
        "UPDATE checkpoints SET superseded = 1 - superseded WHERE id = ?",
        [.integer(checkpoint.key)])
    }
    try target.run("DELETE FROM evaluations WHERE run = ?", [.integer(run)])
    for (table, order) in [("evaluations", "run"), ("predictions", "kind, number")] {
      try rows.copy(table, of: theirs.run, order: order) { row in
        row.merging(["run": .integer(run)]) { $1 }
      }
    }
    try EpochTable.summarize(run: run, in: target)
    return new.count
  }

  /// A row with the target's keys of run and session; nil for one without a session, which is damage.
  private func located(
    _ row: [String: SQLValue], _ run: Int64, _ sessions: [Int64: Int64]
  ) throws -> [String: SQLValue]? {
    guard case .integer(let session)? = row["session"], let key = sessions[session] else {
      return nil
    }
    return row.merging(["run": .integer(run), "session": .integer(key)]) { $1 }
  }

  /// Tags and notes that the target lacks, name and group where it has none: people may have changed
  /// them in both files.
  /// - Returns: how many rows changed.
  @discardableResult
  private func writeLabels(of run: Int64) throws -> Int {
    var changes = 0
    for tag in try source.rows(
      "SELECT tag FROM tags WHERE run = ?", [.integer(theirs.run)],
      {
        $0.text(0)
      })
    {
      changes += try target.run(
        "INSERT OR IGNORE INTO tags (run, tag) VALUES (?, ?)", [.integer(run), .text(tag)])
    }
    struct Note: Hashable {
      var created: String
      var text: String
    }
    func notes(_ run: Int64, _ connection: Connection) throws -> [Note] {
      try connection.rows(
        "SELECT created, text FROM notes WHERE run = ? ORDER BY id", [.integer(run)]
      ) { Note(created: $0.text(0), text: $0.text(1)) }
    }
    var known = Set(try notes(run, target))
    for note in try notes(theirs.run, source) where known.insert(note).inserted {
      changes += try target.run(
        "INSERT INTO notes (run, created, text) VALUES (?, ?, ?)",
        [.integer(run), .text(note.created), .text(note.text)])
    }
    for column in ["name", "group_name"] {
      let label = try source.first(
        "SELECT \(column) FROM runs WHERE id = ?", [.integer(theirs.run)]
      ) { $0.sqlValue(0) }
      guard case .text? = label, let label else { continue }
      changes += try target.run(
        "UPDATE runs SET \(column) = ? WHERE id = ? AND \(column) IS NULL", [label, .integer(run)])
    }
    return changes
  }
}
