import CifarCore

/// Taking runs away; `collectGarbage` gives their space back.
extension Registry {
  /// Puts runs into the trash: they are seen no more, and gone with the next `gc`.
  ///
  /// All are looked up first: none is removed where one is not found or running. Thousands of them go
  /// in steps of at most 50 ms, so that others can write in between.
  /// - Throws: `notFound`, `ambiguous`; `busy` for a run that is running, also one that is resumed
  ///   while others are being removed: those before it are in the trash then.
  public func remove(_ runs: [String]) throws {
    let keys = try keys(of: runs)
    var next = 0
    try writingInSteps(&next) { next, connection in
      guard next < keys.count else { return false }
      let look = try RunLook(in: connection)
      // One look at who is running serves some dozens of runs: all in one transaction.
      for run in keys[next..<min(next + 50, keys.count)] {
        let isRunning = "SELECT 1 FROM runs r WHERE r.id = ? AND \(look.status) = 'running'"
        if try connection.integer(isRunning, [.integer(run.key)]) != nil {
          throw Registry.running(run.uuid, isAlone: keys.count == 1)
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

  private func keys(of runs: [String]) throws -> [RunLookup] {
    var found: [RunLookup] = []
    try readingInSteps(&found) { found, connection in
      guard found.count < runs.count else { return false }
      let look = try RunLook(in: connection)
      for text in runs[found.count..<min(found.count + 50, runs.count)] {
        let run = try RunLookup.find(text, in: connection)
        let isRunning = "SELECT 1 FROM runs r WHERE r.id = ? AND \(look.status) = 'running'"
        if try connection.integer(isRunning, [.integer(run.key)]) != nil {
          throw Registry.running(run.uuid, isAlone: true)
        }
        found.append(run)
      }
      return found.count < runs.count
    }
    return found
  }

  private static func running(_ uuid: String, isAlone: Bool) -> CifarError {
    let others = isAlone ? "" : "; others of those named may be in the trash already"
    return CifarError(.busy, "run \(uuid.prefix(8)) is running; stop it first\(others)")
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
