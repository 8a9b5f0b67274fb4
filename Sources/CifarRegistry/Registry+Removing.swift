import CifarCore

/// Taking runs away; `collectGarbage` gives their space back.
extension Registry {
  /// Puts runs into the trash: they are seen no more, and gone with the next `gc`.
  ///
  /// All are looked up first: none is removed where one is not found or running. Thousands of them go
  /// in steps of at most 50 ms, so that others can write in between.
  /// - Parameter takeOver: also runs that seem to be running, for example on a machine that cannot
  ///   be asked. What trains them can write nothing from then on.
  /// - Throws: `notFound`, `ambiguous`; `busy` for a run that is running, also one that is resumed
  ///   while others are being removed: those before it may be in the trash then.
  public func remove(_ runs: [String], takeOver: Bool = false) throws {
    let keys = try keys(of: runs, takeOver: takeOver)
    var next = 0
    try writingInSteps(&next) { next, connection in
      guard next < keys.count else { return false }
      // Some dozens at once: one commit for all of them.
      for run in keys[next..<min(next + 50, keys.count)] {
        do {
          try Registry.requireGone(run, takeOver: takeOver, in: connection)
        } catch let error as CifarError where error.code == .busy && next > 0 {
          throw CifarError(
            .busy, "\(error.message); others of those named may be in the trash already")
        }
        // A session that only seemed dead writes no more.
        try connection.run(
          "UPDATE runs SET trashed = ? WHERE id = ? AND trashed IS NULL",
          [.time(.now), .integer(run.key)])
        next += 1
      }
      return next < keys.count
    }
  }

  private func keys(of runs: [String], takeOver: Bool) throws -> [RunLookup] {
    var found: [RunLookup] = []
    try readingInSteps(&found) { found, connection in
      guard found.count < runs.count else { return false }
      for text in runs[found.count..<min(found.count + 50, runs.count)] {
        let run = try RunLookup.find(text, in: connection)
        try Registry.requireGone(run, takeOver: takeOver, in: connection)
        found.append(run)
      }
      return found.count < runs.count
    }
    return found
  }

  private static func requireGone(
    _ run: RunLookup, takeOver: Bool, in connection: Connection
  ) throws {
    do {
      _ = try SessionProcess.of(run.key, in: connection)?.requireGone(
        from: run, takeOver: takeOver, now: .now)
    } catch let error as CifarError where error.code == .badData {
      // Nobody who could be asked: such a run reads as crashed, and can be got rid of.
    }
  }

  /// Takes a run out of the trash, as it was.
  /// - Throws: `notFound`, `ambiguous`; `invalidState` for a run that a `gc` has begun to delete.
  public func restore(_ run: String) throws {
    try writing { connection in
      let run = try RunLookup.find(run, trashed: true, in: connection)
      if try Erasure.isUnderWay(of: run.key, in: connection) {
        throw CifarError(
          .invalidState,
          "run \(run.uuid.prefix(8)) is half deleted by a gc that was stopped; run gc again")
      }
      try connection.run("UPDATE runs SET trashed = NULL WHERE id = ?", [.integer(run.key)])
    }
  }
}
