import CifarCore

/// The table `checkpoints`: what is stored, which one is meant, which ones go.
enum CheckpointTable {
  static func insert(
    _ checkpoint: NewCheckpoint, run: Int64, session: Int64, in connection: Connection
  ) throws -> Int64 {
    let sha256 = checkpoint.sha256 ?? SHA256.hexadecimal(of: checkpoint.data)
    let blob = try BlobStore.insert(checkpoint.data, sha256: sha256, in: connection)
    try connection.run(
      """
      INSERT INTO checkpoints (run, session, epoch, batch, step, created, is_best, blob)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .integer(run), .integer(session), .integer(checkpoint.epoch), .integer(checkpoint.batch),
        .integer(checkpoint.step), .time(checkpoint.created),
        .integer(checkpoint.isBest ? 1 : 0), .integer(blob),
      ])
    return connection.lastInsertedID
  }

  /// The run's newest checkpoint that was the best when it was saved, of the current ones (0) or the
  /// superseded ones (1). Ids rise, so the newest is the one with the highest id.
  private static func best(superseded: Int, run: String) -> String {
    "(SELECT max(id) FROM checkpoints WHERE run = \(run) AND is_best = 1 "
      + "AND superseded = \(superseded))"
  }

  /// Deletes what the run's retention does not keep.
  ///
  /// What stays: the newest `keep_last`, those of every `keep_every`-th epoch, what is pinned, the
  /// best of the current ones, and the best of the superseded ones, which may be resumed. Of a run that
  /// is to end within an epoch also the newest of before that epoch: to go further is to train it again.
  static func prune(run: Int64, in connection: Connection) throws {
    let keep = try connection.first(
      "SELECT id, uuid, keep_last, keep_every FROM runs WHERE id = ?", [.integer(run)], of: .runs
    ) {
      (
        last: try $0.optionalCount("keep_last", in: 1...Int.max),
        every: try $0.optionalCount("keep_every", in: 1...Int.max)
      )
    }
    guard let keep, let last = keep.last else { return }
    let isRegular = keep.every.map { "AND NOT (batch = 0 AND epoch > 0 AND epoch % \($0) = 0)" }
    let blobs = try connection.rows(
      """
      DELETE FROM checkpoints WHERE run = \(run) AND pinned = 0 \(isRegular ?? "")
        AND id NOT IN (SELECT id FROM checkpoints WHERE run = \(run) ORDER BY id DESC LIMIT \(last))
        AND id IS NOT \(best(superseded: 0, run: "\(run)"))
        AND id IS NOT \(best(superseded: 1, run: "\(run)"))
        AND id IS NOT (SELECT max(c.id) FROM checkpoints c JOIN runs r ON r.id = c.run
          WHERE c.run = \(run) AND r.exact_epochs IS NOT NULL AND c.epoch < r.epochs_planned
            AND c.superseded = 0 AND c.weights_only = 0)
      RETURNING id, blob
      """, of: .checkpoints
    ) { try $0.key("blob") }
    try BlobStore.deleteUnused(blobs, in: connection)
  }

  // A checkpoint whose blob is missing is there all the same: it is damaged.
  private static var select: String {
    """
    SELECT c.id, r.uuid, c.epoch, c.batch, c.step, c.created, b.size, b.sha256,
      c.id IS \(best(superseded: 0, run: "c.run")) AS is_best, c.superseded, c.pinned,
      c.weights_only, c.session, c.blob
    FROM checkpoints c CROSS JOIN runs r ON r.id = c.run LEFT JOIN blobs b ON b.id = c.blob
    """
  }

  /// A checkpoint with the keys of its session and its bytes.
  struct Entry: Sendable {
    var row: CheckpointRow
    var session: Int64
    var blob: Int64

    init(_ row: Row) throws {
      self.row = CheckpointRow(
        id: try row.key("id"), run: try row.uuid("uuid", of: "runs"),
        epoch: try row.count("epoch", in: 0...Limits.epochs),
        batch: try row.count("batch", in: 0...Limits.batches),
        step: try row.count("step", in: 0...Limits.steps), created: try row.time("created"),
        size: try row.count("size", in: 0...Limits.bytes, of: "blobs"),
        sha256: try row.text("sha256", of: "blobs"), isBest: try row.flag("is_best"),
        isSuperseded: try row.flag("superseded"), isPinned: try row.flag("pinned"),
        isWeightsOnly: try row.flag("weights_only"))
      session = try row.key("session")
      blob = try row.key("blob")
    }
  }

  /// See `Registry.currentCheckpoints`.
  static func currentCheckpoints(
    of run: Int64, in connection: Connection
  ) throws -> [Result<CheckpointRow, CifarError>] {
    try connection.rows(
      select + " WHERE c.run = ? AND c.superseded = 0 ORDER BY c.id DESC", [.integer(run)],
      of: .checkpoints
    ) { row in
      do {
        return .success(try Entry(row).row)
      } catch let error as CifarError where error.code == .badData { return .failure(error) }
    }
  }

  /// What is wrong with the entries of all runs.
  static func damage(in registry: Registry) throws -> [CifarError] {
    try registry.damage(
      select, of: .checkpoints, key: [(sql: "c.id", column: "id")], Entry.init)
      + registry.damage(
        "SELECT c.id, c.session, \(SessionReference.sql(of: "c")) FROM checkpoints c",
        of: .checkpoints, key: [(sql: "c.id", column: "id")], SessionReference.check)
  }

  static func all(of run: Int64, in connection: Connection) throws -> [CheckpointRow] {
    try connection.rows(
      select + " WHERE c.run = ? ORDER BY c.id", [.integer(run)], of: .checkpoints
    ) {
      try Entry($0).row
    }
  }

  static func entry(_ id: Int64, in connection: Connection) throws -> Entry {
    let found = try connection.first(
      select + " WHERE c.id = ?", [.integer(id)], of: .checkpoints, Entry.init)
    guard let found else {
      throw CifarError(.notFound, "there is no checkpoint \(id) in \(connection.path)")
    }
    return found
  }

  private static func condition(_ choice: CheckpointChoice) -> String {
    switch choice {
    case .last: "c.id = (SELECT max(id) FROM checkpoints WHERE run = c.run AND superseded = 0)"
    case .best: "c.id = " + best(superseded: 0, run: "c.run")
    case .id(let id): "c.id = \(id)"
    }
  }

  /// The checkpoint that is meant, whatever its row holds; nil if there is none.
  static func id(
    _ choice: CheckpointChoice, of run: Int64, in connection: Connection
  ) throws -> Int64? {
    try connection.integer(
      "SELECT c.id FROM checkpoints c WHERE c.run = ? AND \(condition(choice))", [.integer(run)])
  }

  /// - Throws: `notFound`, telling what there is instead.
  static func entry(
    _ choice: CheckpointChoice, of run: RunLookup, in connection: Connection
  ) throws -> Entry {
    let found = try connection.first(
      "\(select) WHERE c.run = ? AND \(condition(choice))", [.integer(run.key)],
      of: .checkpoints, Entry.init)
    if let found { return found }
    let stored = try all(of: run.key, in: connection).map { "\($0.id)" }
    let name = run.uuid.prefix(8)
    if stored.isEmpty {
      throw CifarError(.notFound, "run \(name) has no checkpoint; train it again")
    }
    let missing =
      switch choice {
      case .last, .best: "no \(choice) checkpoint"
      case .id(let id): "no checkpoint \(id)"
      }
    let reason = choice == .best ? try reasonWithoutBest(of: run.key, in: connection) : ""
    throw CifarError(
      .notFound,
      "run \(name) has \(missing)\(reason); it has \(stored.joined(separator: ", "))")
  }

  /// Why no checkpoint of a run is the best one.
  private static func reasonWithoutBest(
    of run: Int64, in connection: Connection
  ) throws -> String {
    let count = try connection.integer("SELECT epochs FROM runs WHERE id = ?", [.integer(run)])
    let finite = try connection.integer(
      "SELECT count(*) FROM epochs WHERE run = ? AND superseded = 0 AND abs(val_loss) < 9e999",
      [.integer(run)])
    if count == 0 { return ", because no epoch has ended" }
    if finite == 0 {
      return ", because no epoch's validation loss was a finite number: training diverged (last "
        + "means the weights of the last epoch)"
    }
    return ", because it has no ModelCheckpoint, or no epoch was better than what that asks for "
      + "(last means the weights of the last epoch)"
  }
}
