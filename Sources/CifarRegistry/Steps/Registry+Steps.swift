import CSQLite
import CifarCore
import Glibc

/// Long work in short transactions, between which others get their turn.
extension Registry {
  /// Repeats `unit` until it returns false, as many times in one write transaction as fit into 50 ms
  /// with the commit.
  ///
  /// A step that finds the file in use is taken again from the state before it; readers that are in
  /// the way of its commit do not make it keep others waiting.
  /// - Parameters:
  ///   - state: what `unit` continues from; restored if a step could not be committed.
  ///   - unit: a small piece of work. Returns whether there may be more.
  /// - Throws: `busy` where no step could be taken for as long as calls wait; what `unit` throws,
  ///   with all steps before the present one done.
  func writingInSteps<State: Sendable>(
    _ state: inout State, _ unit: (inout State, Connection) throws -> Bool
  ) throws {
    if mode == .readOnly {
      throw CifarError(.invalidState, "\(path) was opened for reading only")
    }
    var pace = Pace()
    var lastStep = MonotonicTime.seconds
    while true {
      let before = state
      let taken = try locked { connection in
        try connection.step(pace) { try unit(&state, connection) }
      }
      let now = MonotonicTime.seconds
      if let taken {
        guard taken.hasMore else { return }
        pace.note(work: taken.work, commit: taken.commit)
        lastStep = now
      } else {
        state = before
        if now - lastStep > busyTimeout { throw DatabaseError.busy(path) }
      }
      usleep(UInt32(Pace.pause * 1e6))
    }
  }

  /// Repeats `unit` until it returns false, in reading transactions of about 20 ms each.
  ///
  /// No pause is needed between them: a writer that waits keeps new readers out.
  func readingInSteps<State: Sendable>(
    _ state: inout State, _ unit: (inout State, Connection) throws -> Bool
  ) throws {
    var hasMore = true
    while hasMore {
      hasMore = try reading { connection in
        let end = MonotonicTime.seconds + 0.02
        while try unit(&state, connection) {
          if MonotonicTime.seconds >= end { return true }
        }
        return false
      }
    }
  }
}

extension Connection {
  /// What a step came to; times in seconds.
  struct Step {
    var hasMore: Bool
    var work: Double
    var commit: Double
  }

  /// Runs `unit` in one write transaction until it returns false or the pace's time is over.
  /// - Returns: nil where others were in the way: nothing has happened then.
  func step(_ pace: Pace, _ unit: () throws -> Bool) throws -> Step? {
    let patience = wait.seconds
    defer { wait.seconds = patience }
    if sqlite3_get_autocommit(handle) == 0 { try execute("ROLLBACK") }
    guard try lands("BEGIN IMMEDIATE") else { return nil }
    do {
      let start = MonotonicTime.seconds
      var hasMore = true
      while hasMore, MonotonicTime.seconds - start < pace.work { hasMore = try unit() }
      let worked = MonotonicTime.seconds
      wait.seconds = min(patience, 0.01)
      guard try lands("COMMIT") else {
        try execute("ROLLBACK")
        return nil
      }
      return Step(
        hasMore: hasMore, work: worked - start, commit: MonotonicTime.seconds - worked)
    } catch {
      if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
      throw error
    }
  }

  /// - Returns: false where another's lock is in the way.
  private func lands(_ sql: String) throws -> Bool {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    if code & 0xff == SQLITE_BUSY { return false }
    try check(code)
    return true
  }
}
