import CifarCore

extension Registry {
  /// Makes a new run that begins at a checkpoint of another one, with its epochs up to there. The
  /// bytes are shared. Resuming the new run continues from there; the old one stays.
  ///
  /// - Returns: the new run's UUID.
  /// - Throws: `notFound`, `ambiguous`.
  public func fork(
    _ run: String, from choice: CheckpointChoice = .last, name: String? = nil, session: SessionInfo
  ) throws -> String {
    if let name { try Registry.checkLabel(name, "a run's name") }
    try Registry.check(session)
    let uuid = UUIDText.random()
    try writing { connection in
      let old = try RunLookup.find(run, in: connection)
      let entry = try CheckpointTable.entry(choice, of: old, in: connection)
      if entry.row.isSuperseded {
        throw CifarError(
          .invalidState,
          "checkpoint \(entry.row.id) of run \(old.uuid.prefix(8)) is superseded; "
            + "resume the run from it first")
      }
      try entry.row.requireFullState()
      let now = Timestamp.now
      try connection.run(
        """
        INSERT INTO runs (uuid, name, status, recipe, started, epochs_planned, exact_epochs, seed,
          dataset, dataset_hash, keep_last, keep_every, parent, parent_checkpoint, model, shared,
          hyperparameters)
        SELECT ?1, ?2, 'interrupted', recipe, ?3, epochs_planned, exact_epochs, seed,
          dataset, dataset_hash, keep_last, keep_every, uuid, ?4, model, shared, hyperparameters
        FROM runs WHERE id = ?5
        """,
        [
          .text(uuid), .optional(name), .time(now), .integer(entry.row.id), .integer(old.key),
        ])
      let key = connection.lastInsertedID
      let owner = try Registry.beginSession(
        run: key, info: session, resuming: nil, now: now, in: connection)
      try connection.run(
        """
        UPDATE sessions SET ended = ?1, status = 'interrupted', reason = ?2 WHERE id = ?3
        """,
        [
          .time(now), .text("forked from checkpoint \(entry.row.id) of run \(old.uuid)"),
          .integer(owner.id),
        ])
      try connection.run(
        "UPDATE runs SET owner = NULL, status = 'interrupted' WHERE id = ?", [.integer(key)])
      try EpochTable.copy(
        from: old.key, upTo: entry.row.epoch, to: key, session: owner.id, in: connection)
      try connection.run(
        """
        INSERT INTO checkpoints (run, session, epoch, batch, step, created, is_best, blob)
        SELECT ?1, ?2, epoch, batch, step, ?3, is_best, blob FROM checkpoints WHERE id = ?4
        """, [.integer(key), .integer(owner.id), .time(now), .integer(entry.row.id)])
    }
    return uuid
  }
}
