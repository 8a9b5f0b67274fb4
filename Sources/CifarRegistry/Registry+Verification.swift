import CifarCore

extension Registry {
  /// Looks for damage: SQLite's own structures, references between rows, values that can't be, the
  /// hash of every checkpoint, and the summaries against the rows they repeat.
  ///
  /// - Parameters:
  ///   - run: look at this run's checkpoints only; nil for all.
  ///   - progress: called with the checkpoints that were read so far and how many there are.
  /// - Returns: a sentence for each thing that is wrong; none if all is well.
  public func verify(
    run: String? = nil, progress: ((Int, Int) -> Void)? = nil
  ) throws -> [String] {
    var problems = try reading { connection in
      try Registry.structure(of: connection) + Registry.damage(in: connection).map(\.message)
        + Registry.summaries(of: connection)
    }
    let checkpoints = try reading { connection in
      let key = try run.map { try RunLookup.find($0, in: connection).key }
      return try connection.rows(
        """
        SELECT c.id, coalesce(c.blob, -1), r.uuid, c.epoch FROM checkpoints c JOIN runs r ON r.id = c.run
        WHERE ?1 IS NULL OR r.id = ?1 ORDER BY c.id
        """, [key.map { .integer($0) } ?? .null]
      ) { (id: $0.integer(0), blob: $0.integer(1), run: $0.text(2), epoch: $0.integer(3)) }
    }
    var isWhole: [Int64: Bool] = [:]
    for (index, checkpoint) in checkpoints.enumerated() {
      progress?(index, checkpoints.count)
      if isWhole[checkpoint.blob] == nil {
        // One checkpoint a transaction: a writer waits for one at most. It may prune the next.
        isWhole[checkpoint.blob] = try reading { connection in
          let isStored = "SELECT 1 FROM checkpoints WHERE id = ?"
          if try connection.integer(isStored, [.integer(checkpoint.id)]) == nil { return true }
          return try BlobStore.isWhole(checkpoint.blob, in: connection)
        }
      }
      if isWhole[checkpoint.blob] == false {
        problems.append(
          "checkpoint \(checkpoint.id) of run \(checkpoint.run.prefix(8)) (epoch "
            + "\(checkpoint.epoch)) is damaged: its bytes no longer have the hash they had"
        )
      }
    }
    progress?(checkpoints.count, checkpoints.count)
    return problems
  }

  private static func structure(of connection: Connection) throws -> [String] {
    var problems = try connection.rows("PRAGMA integrity_check", []) { $0.text(0) }
      .filter { $0 != "ok" }
      .map { "SQLite finds: " + $0.split(separator: "\n").joined(separator: "; ") }
    problems += try connection.rows("PRAGMA foreign_key_check", []) {
      "row \($0.integer(1)) of \($0.text(0)) refers to a row of \($0.text(2)) that is missing"
    }
    problems += try connection.rows(
      """
      SELECT c.id, r.uuid, c.epoch FROM checkpoints c JOIN runs r ON r.id = c.run
      WHERE c.batch = 0 AND c.epoch > 0 AND c.superseded = 0
        AND NOT EXISTS (SELECT 1 FROM epochs e WHERE e.run = c.run AND e.epoch = c.epoch)
        AND EXISTS (SELECT 1 FROM epochs e WHERE e.run = c.run AND e.epoch > c.epoch)
      """, []
    ) {
      "checkpoint \($0.integer(0)) of run \($0.text(1).prefix(8)) has no row of epoch \($0.integer(2))"
    }
    return problems
  }

  private static func summaries(of connection: Connection) throws -> [String] {
    try connection.rows(
      """
      SELECT uuid FROM runs
      WHERE (epochs, best_val_accuracy, best_val_loss, last_val_accuracy, last_val_loss)
        IS NOT (SELECT \(Schema2.summary("runs.id")))
      """, []
    ) { "the summary of run \($0.text(0).prefix(8)) differs from its epoch rows" }
  }
}
