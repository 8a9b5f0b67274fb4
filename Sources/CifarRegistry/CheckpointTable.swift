import CifarCore

/// The table `checkpoints`: what is stored, which one is meant, which ones go.
enum CheckpointTable {
  static func insert(
    _ checkpoint: NewCheckpoint, sha256: String, run: Int64, session: Int64,
    in connection: Connection
  ) throws -> Int64 {
    let blob = try BlobStore.insert(checkpoint.data, sha256: sha256, in: connection)
    try connection.run(
      """
      INSERT INTO checkpoints (run, session, epoch, batch, step, created, is_best, blob)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .integer(run), .integer(session), .integer(checkpoint.epoch), .integer(checkpoint.batch),
        .integer(checkpoint.step), .time(.now), .integer(checkpoint.isBest ? 1 : 0), .integer(blob),
      ])
    return connection.lastInsertedID
  }

  /// The run's newest checkpoint that was the best when it was saved, on the current line (0) or
  /// off it (1). Ids rise along a line, so the newest is the one with the highest id.
  private static func best(superseded: Int, run: String) -> String {
    "(SELECT max(id) FROM checkpoints WHERE run = \(run) AND is_best = 1 "
      + "AND superseded = \(superseded))"
  }

  /// Deletes what the run's retention does not keep.
  ///
  /// What stays: the newest `keep_last`, those of every `keep_every` epochs, what is pinned, the
  /// best of the current line, and the best of what a resume from an earlier point left behind (somebody
  /// may want it back).
  static func prune(run: Int64, in connection: Connection) throws {
    let keep = try connection.first(
      "SELECT keep_last, keep_every FROM runs WHERE id = ?", [.integer(run)],
      { (last: $0.optionalInt(0), every: $0.optionalInt(1)) })
    guard let keep, let last = keep.last else { return }
    let isRegular = keep.every.map { "AND NOT (batch = 0 AND epoch > 0 AND epoch % \($0) = 0)" }
    let blobs = try connection.rows(
      """
      DELETE FROM checkpoints WHERE run = \(run) AND pinned = 0 \(isRegular ?? "")
        AND id NOT IN (SELECT id FROM checkpoints WHERE run = \(run) ORDER BY id DESC LIMIT \(last))
        AND id IS NOT \(best(superseded: 0, run: "\(run)"))
        AND id IS NOT \(best(superseded: 1, run: "\(run)"))
      RETURNING blob
      """, [], { $0.integer(0) })
    try BlobStore.deleteUnused(blobs, in: connection)
  }

  private static var select: String {
    """
    SELECT c.id, r.uuid, c.epoch, c.batch, c.step, c.created, b.size, b.sha256,
      c.id IS \(best(superseded: 0, run: "c.run")), c.superseded, c.pinned, c.session, c.blob
    FROM checkpoints c JOIN runs r ON r.id = c.run JOIN blobs b ON b.id = c.blob
    """
  }

  /// A checkpoint with the keys of its session and its bytes.
  struct Entry: Sendable {
    var row: CheckpointRow
    var session: Int64
    var blob: Int64

    init(_ row: Statement) {
      self.row = CheckpointRow(
        id: row.integer(0), run: row.text(1), epoch: row.int(2), batch: row.int(3),
        step: row.int(4), created: row.time(5), size: row.int(6), sha256: row.text(7),
        isBest: row.bool(8), isSuperseded: row.bool(9), isPinned: row.bool(10))
      session = row.integer(11)
      blob = row.integer(12)
    }
  }

  static func all(of run: Int64, in connection: Connection) throws -> [CheckpointRow] {
    try connection.rows(select + " WHERE c.run = ? ORDER BY c.id", [.integer(run)]) {
      Entry($0).row
    }
  }

  static func entry(_ id: Int64, in connection: Connection) throws -> Entry {
    let found = try connection.first(select + " WHERE c.id = ?", [.integer(id)], Entry.init)
    guard let found else {
      throw CifarError(.notFound, "there is no checkpoint \(id) in \(connection.path)")
    }
    return found
  }

  /// - Throws: `notFound`, telling what there is instead.
  static func entry(
    _ choice: CheckpointChoice, of run: RunLookup, in connection: Connection
  ) throws -> Entry {
    let condition =
      switch choice {
      case .last: "c.id = (SELECT max(id) FROM checkpoints WHERE run = c.run AND superseded = 0)"
      case .best: "c.id = " + best(superseded: 0, run: "c.run")
      case .id(let id): "c.id = \(id)"
      }
    let found = try connection.first(
      "\(select) WHERE c.run = ? AND \(condition)", [.integer(run.key)], Entry.init)
    if let found { return found }
    let stored = try all(of: run.key, in: connection).map { "\($0.id)" }
    let name = run.uuid.prefix(8)
    if stored.isEmpty {
      throw CifarError(.notFound, "run \(name) has no checkpoint; train it anew")
    }
    let missing =
      switch choice {
      case .last, .best: "no \(choice) checkpoint"
      case .id(let id): "no checkpoint \(id)"
      }
    throw CifarError(
      .notFound, "run \(name) has \(missing); it has \(stored.joined(separator: ", "))")
  }
}
