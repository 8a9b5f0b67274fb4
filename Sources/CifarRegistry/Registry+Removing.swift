import CifarCore

/// Taking runs away and giving their space back.
extension Registry {
  /// Puts runs into the trash: they are seen no more, and gone with the next `gc`.
  ///
  /// All of them or none.
  /// - Parameter takeOver: also runs that seem to be running, for example on a machine that can't be
  ///   asked. What trains them can write nothing from then on.
  /// - Throws: `notFound`, `ambiguous`; `busy` for a run that is running.
  public func remove(_ runs: [String], takeOver: Bool = false) throws {
    try writing { connection in
      for text in runs {
        let run = try RunLookup.find(text, in: connection)
        do {
          _ = try SessionOwner.of(run.key, in: connection)?.requireGone(
            from: run, takeOver: takeOver, now: .now)
        } catch let error as CifarError where error.code == .badData {
          // Nobody who could be asked: such a run reads as crashed, and can be got rid of.
        }
        // A session that only seemed dead writes no more.
        try connection.run(
          "UPDATE runs SET trashed = ? WHERE id = ?", [.time(.now), .integer(run.key)])
      }
    }
  }

  /// Takes a run out of the trash, as it was.
  /// - Throws: `notFound`, `ambiguous`.
  public func restore(_ run: String) throws {
    try writing { connection in
      let run = try RunLookup.find(run, trashed: true, in: connection)
      try connection.run("UPDATE runs SET trashed = NULL WHERE id = ?", [.integer(run.key)])
    }
  }

  /// What `collectGarbage` came to.
  public struct Collected: Sendable, Equatable {
    /// Runs that were in the trash.
    public var runs: Int
    /// How much smaller the file is.
    public var bytes: Int
  }

  /// Empties the trash and makes the file as small as what is in it.
  ///
  /// Works in small steps: others can write in between, memory stays flat, and when it is stopped
  /// in the middle the next call goes on.
  public func collectGarbage() throws -> Collected {
    let before = try fileBytes()
    let runs = try reading { connection in
      try connection.rows("SELECT id FROM runs WHERE trashed IS NOT NULL", []) { $0.integer(0) }
    }
    try locked { try $0.execute("PRAGMA cache_size = -8192") }
    defer { try? locked { try $0.execute("PRAGMA cache_size = -32768") } }
    for run in runs { try erase(run) }
    try writing { connection in
      let unused = try connection.rows(
        "SELECT id FROM blobs WHERE id NOT IN (SELECT blob FROM checkpoints)", []
      ) { $0.integer(0) }
      try BlobStore.deleteUnused(unused, in: connection)
      try TextTable.deleteUnused(in: connection)
    }
    while try shrink() {}
    return Collected(runs: runs.count, bytes: max(0, before - (try fileBytes())))
  }

  /// One checkpoint a transaction, then the run.
  private func erase(_ run: Int64) throws {
    let isTrashed = "EXISTS (SELECT 1 FROM runs WHERE id = ?1 AND trashed IS NOT NULL)"
    while true {
      let wasOne = try writing { connection in
        let blobs = try connection.rows(
          """
          DELETE FROM checkpoints WHERE id = (SELECT min(id) FROM checkpoints WHERE run = ?1)
            AND \(isTrashed) RETURNING blob
          """, [.integer(run)]
        ) { $0.integer(0) }
        try BlobStore.deleteUnused(blobs, in: connection)
        return !blobs.isEmpty
      }
      if !wasOne { break }
    }
    try writing { connection in
      _ = try connection.run(
        "DELETE FROM runs WHERE id = ? AND trashed IS NOT NULL", [.integer(run)])
    }
  }

  /// Pages that are given back in one transaction.
  private static let pagesAStep = 512

  /// - Returns: whether there is more to give back.
  private func shrink() throws -> Bool {
    try writing { connection in
      // Each row that the pragma returns is a page given back.
      _ = try connection.rows("PRAGMA incremental_vacuum(\(Registry.pagesAStep))", []) { _ in () }
    }
    return try locked { connection in
      guard try connection.integer("PRAGMA auto_vacuum") == 2 else { return false }
      return try connection.integer("PRAGMA freelist_count") ?? 0 > 0
    }
  }

  private func fileBytes() throws -> Int {
    try reading { connection in
      let pages = try connection.integer("PRAGMA page_count") ?? 0
      return Int(pages * (try connection.integer("PRAGMA page_size") ?? 0))
    }
  }
}
