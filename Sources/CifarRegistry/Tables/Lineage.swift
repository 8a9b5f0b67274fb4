import CifarCore

/// Which rows of a run are current: those that lead to the session that wrote last. The others are
/// superseded.
///
/// A session that resumed another one's checkpoint continues what that one recorded up to there, and
/// so on back to the first.
enum Lineage {
  /// Makes the rows that lead to `session` the run's current ones, and marks all others of the run
  /// as superseded.
  ///
  /// - Throws: `badData` for a session that resumed itself or a later one: its lineage would have no
  ///   beginning.
  static func mark(to session: Int64, run: Int64, in connection: Connection) throws {
    try checkOrigins(of: run, in: connection)
    let lineage = """
      WITH RECURSIVE lineage (session, after_epoch, until_epoch, until_batch, parent, epoch, batch) AS (
        SELECT id, coalesce(resumed_epoch, 0), \(Int64.max), 0, resumed_session, resumed_epoch,
            resumed_batch
          FROM sessions WHERE id = \(session)
        UNION ALL
        SELECT s.id, coalesce(s.resumed_epoch, 0), l.epoch, l.batch, s.resumed_session,
            s.resumed_epoch, s.resumed_batch
          FROM lineage l JOIN sessions s ON s.id = l.parent AND s.id < l.session
      )
      """
    let epochs = "t.epoch > l.after_epoch AND t.epoch <= l.until_epoch"
    for (table, isCurrent) in [
      ("epochs", epochs), ("metrics", epochs),
      ("checkpoints", "(t.epoch, t.batch) <= (l.until_epoch, l.until_batch)"),
    ] {
      // Only rows whose mark is wrong are written.
      try connection.run(
        """
        \(lineage) UPDATE \(table) AS t SET superseded = 1 - superseded
        WHERE run = \(run) AND superseded = EXISTS
          (SELECT 1 FROM lineage l WHERE l.session = t.session AND \(isCurrent))
        """)
    }
    try EpochTable.summarize(run: run, in: connection)
  }

  /// Keys of sessions rise, so that one can only have resumed an earlier one.
  private static func checkOrigins(of run: Int64, in connection: Connection) throws {
    _ = try connection.rows(
      "SELECT id, resumed_session FROM sessions WHERE run = ? AND resumed_session >= id",
      [.integer(run)], of: .sessions
    ) { row in
      throw row.illegal("resumed_session", nil, "an earlier session")
    }
  }
}
