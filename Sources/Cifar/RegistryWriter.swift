import CifarCore
import CifarRegistry
import Glibc

/// Writes what a session has to say into the registry, in order, on a thread of its own, with a sign
/// of life every half minute.
///
/// Where others hold a lock on the registry, what is to be written waits, and the training continues:
/// the rows of all epochs, and of the checkpoints the newest and the best. All that waits goes in one
/// transaction. What fails otherwise comes out of every call from then on.
///
/// Belongs to one thread, and to one process: in a child of `fork` its thread is not there, so
/// nothing is written and nothing is waited for.
final class RegistryWriter {
  /// Where entries go; in tests something that fails when it is told to.
  struct Sink {
    /// The second argument: seconds that it may wait for others.
    var write: ([SessionEntry], Double) throws -> Void
    var heartbeat: () throws -> Void
  }

  /// What waits because others hold the registry.
  struct Delay: Equatable {
    /// Rows that wait.
    var epochs: Int
    /// Since the first attempt that failed.
    var seconds: Double
  }

  // The thread holds the queue and not the writer, so that the writer can go and end it.
  private let queue: EntryQueue
  private let thread: WorkerThread
  private var hasJoined = false
  private let owner = getpid()

  /// - Parameter heartbeatInterval: seconds between two signs of life.
  init(_ sink: Sink, heartbeatInterval: Double = 30) {
    let queue = EntryQueue(sink, heartbeatInterval)
    self.queue = queue
    thread = WorkerThread { queue.serve() }
  }

  deinit {
    if owner == getpid() { close() }
  }

  /// Lets an attempt under way end; there will be no other.
  private func close() {
    queue.close()
    if !hasJoined { thread.join() }
    hasJoined = true
  }

  /// - Throws: `invalidState` in a child of `fork`.
  private func checkProcess() throws {
    guard owner != getpid() else { return }
    throw CifarError(.invalidState, "the training belongs to the process that forked this one")
  }

  /// Where the system had no thread to give, what is to be done is done in place.
  private func work() throws {
    try checkProcess()
    if !thread.isRunning { queue.workOff() }
  }

  /// Hands over entries. One with a checkpoint waits for those before, unless they wait for a lock.
  ///
  /// - Returns: the number of the last one; see `isStored`.
  /// - Throws: what failed before; these are then not written.
  @discardableResult
  func submit(_ entries: [SessionEntry]) throws -> Int {
    try work()
    let hasCheckpoint = entries.contains { if case .checkpoint = $0 { true } else { false } }
    if hasCheckpoint { try queue.waitUntilStored() }
    let number = try queue.append(entries)
    try work()
    return number
  }

  /// Waits until everything is stored, or waits for a lock.
  /// - Throws: what failed.
  func waitUntilStored() throws {
    try work()
    try queue.waitUntilStored()
  }

  /// Throws the error of a write that failed, if one did; does not wait.
  func check() throws {
    try work()
    if let error = queue.failure { throw error }
  }

  /// What failed, other than a lock.
  var failure: (any Error)? { queue.failure }

  /// The number of the last entry that is stored, counted from 1.
  var storedNumber: Int { queue.storedNumber }

  /// nil while nothing waits for a lock.
  var delay: Delay? { queue.delay }

  /// What is not stored.
  var waiting: [SessionEntry] { queue.waiting }

  /// Lets go of the checkpoints that wait, but for the best one: there is no memory for the next.
  func dropCheckpoints() { queue.dropCheckpoints() }

  /// Hands over the last entries and waits until all are stored. Nothing can be written afterwards.
  ///
  /// - Parameters:
  ///   - limit: seconds that a lock may be in the way. At least one attempt is made.
  ///   - goesOn: asked some ten times a second while a lock is in the way.
  /// - Returns: whether everything is stored; `waiting` has the rest.
  /// - Throws: what failed.
  func finish(
    _ entries: [SessionEntry], limit: Double, goesOn: (Delay) throws -> Bool
  ) throws -> Bool {
    try checkProcess()
    let number = try queue.append(entries)
    let begin = Moment.now
    var interruption: (any Error)?
    do {
      while true {
        try work()
        guard try queue.wait(for: number, seconds: 0.1), let delay = queue.delay else { break }
        guard Moment.now - begin < limit, try goesOn(delay) else { break }
      }
    } catch { interruption = error }
    close()
    if let interruption { throw interruption }
    if let error = queue.failure { throw error }
    return queue.waiting.isEmpty
  }
}

/// Seconds of the monotonic clock.
enum Moment {
  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Where entries lie between the two threads. Everything is under the lock.
private final class EntryQueue: @unchecked Sendable {
  private struct Item {
    var number: Int
    var entry: SessionEntry
  }

  private enum Task {
    case write([Item])
    case heartbeat
  }

  private let sink: RegistryWriter.Sink
  private let lock = ConditionLock()
  private var items: [Item] = []
  private var lastNumber = 0
  private var stored = 0
  /// The last entry of the last attempt that a lock was in the way of.
  private var refused = 0
  private var isClosed = false
  private var error: (any Error)?
  /// When a lock came in the way; nil if none is.
  private var lockedSince: Double?
  private var nextAttempt = 0.0
  private var attemptLength = EntryQueue.shortestAttempt
  private let heartbeatInterval: Double
  private var nextHeartbeat: Double

  /// Seconds from an attempt that a lock was in the way of to the next: while none is made others can
  /// read, which a writer that waits keeps them from.
  private static let pauseLength = 0.2
  /// Seconds that an attempt waits for others; one after one that was in vain waits longer. A writer
  /// that waits for readers keeps new ones out.
  private static let shortestAttempt = 0.5
  private static let longestAttempt = 2.0

  init(_ sink: RegistryWriter.Sink, _ heartbeatInterval: Double) {
    self.sink = sink
    self.heartbeatInterval = heartbeatInterval
    nextHeartbeat = Moment.now + heartbeatInterval
  }

  // MARK: The training's side

  func append(_ entries: [SessionEntry]) throws -> Int {
    try lock.withLock {
      if let error { throw error }
      if isClosed {
        throw CifarError(.invalidState, "the run has ended: nothing more can be recorded of it")
      }
      for entry in entries {
        lastNumber += 1
        items.append(Item(number: lastNumber, entry: entry))
      }
      if lockedSince != nil { dropSuperseded() }
      // Whoever ends wants to know at once.
      if let last = entries.last, case .end = last { nextAttempt = 0 }
      lock.wakeAll()
      return lastNumber
    }
  }

  /// Of the checkpoints that wait the newest stays, and the newest that was the best.
  private func dropSuperseded() {
    var keptLast = false
    var keptBest = false
    let kept = items.reversed().filter { item in
      guard case .checkpoint(let checkpoint) = item.entry else { return true }
      let stays = !keptLast || checkpoint.isBest && !keptBest
      keptLast = true
      if checkpoint.isBest { keptBest = true }
      return stays
    }
    items = kept.reversed()
  }

  func dropCheckpoints() {
    lock.withLock {
      let best = items.last {
        if case .checkpoint(let checkpoint) = $0.entry { checkpoint.isBest } else { false }
      }
      items.removeAll { item in
        if case .checkpoint = item.entry { item.number != best?.number } else { false }
      }
    }
  }

  func waitUntilStored() throws {
    try lock.withLock {
      while !items.isEmpty, lockedSince == nil, error == nil { lock.wait() }
      if let error { throw error }
    }
  }

  /// Waits until an entry is stored or an attempt at it has failed, and then for a while.
  /// - Returns: whether it is still not stored.
  func wait(for number: Int, seconds: Double) throws -> Bool {
    try lock.withLock {
      while stored < number, refused < number, error == nil { lock.wait(seconds: 1) }
      if stored < number, error == nil { lock.wait(seconds: seconds) }
      if let error { throw error }
      return stored < number
    }
  }

  var failure: (any Error)? { lock.withLock { error } }
  var storedNumber: Int { lock.withLock { stored } }
  var waiting: [SessionEntry] { lock.withLock { items.map(\.entry) } }

  var delay: RegistryWriter.Delay? {
    lock.withLock {
      lockedSince.map { since in
        let epochs = items.count { if case .epoch = $0.entry { true } else { false } }
        return RegistryWriter.Delay(epochs: epochs, seconds: Moment.now - since)
      }
    }
  }

  func close() {
    lock.withLock {
      isClosed = true
      lock.wakeAll()
    }
  }

  // MARK: The writer's side

  func serve() {
    while let task = lock.withLock({ next(waits: true) }) { perform(task) }
  }

  /// Does what is due, in place.
  func workOff() {
    while let task = lock.withLock({ next(waits: false) }) { perform(task) }
  }

  /// What is to be done; nil when there will be nothing more or, without waiting, when nothing is due.
  private func next(waits: Bool) -> Task? {
    while !isClosed {
      let now = Moment.now
      if error == nil {
        if !items.isEmpty, now >= nextAttempt { return .write(items) }
        if now >= nextHeartbeat {
          nextHeartbeat = now + heartbeatInterval
          return .heartbeat
        }
      }
      guard waits else { return nil }
      let due = items.isEmpty ? nextHeartbeat : min(nextAttempt, nextHeartbeat)
      lock.wait(seconds: error == nil ? due - now : heartbeatInterval)
    }
    return nil
  }

  private func perform(_ task: Task) {
    switch task {
    case .write(let items): write(items)
    case .heartbeat: beat()
    }
  }

  private func write(_ batch: [Item]) {
    let begin = Moment.now
    // Hashes are computed once, whatever the number of attempts.
    let entries = batch.map(\.entry.prepared)
    lock.withLock {
      for (item, entry) in zip(batch, entries) {
        if let index = items.firstIndex(where: { $0.number == item.number }) {
          items[index].entry = entry
        }
      }
    }
    let patience = lock.withLock { attemptLength }
    var failure: (any Error)?
    do { try sink.write(entries, patience) } catch { failure = error }
    lock.withLock {
      let last = batch.last?.number ?? stored
      switch failure {
      case nil:
        items.removeAll { $0.number <= last }
        stored = last
        lockedSince = nil
        attemptLength = EntryQueue.shortestAttempt
        nextAttempt = 0
        nextHeartbeat = Moment.now + heartbeatInterval
      case let lock as CifarError where lock.isTransient:
        refused = last
        lockedSince = lockedSince ?? begin
        nextAttempt = Moment.now + EntryQueue.pauseLength
        attemptLength = min(2 * attemptLength, EntryQueue.longestAttempt)
        dropSuperseded()
      case let other: error = other
      }
      lock.wakeAll()
    }
  }

  /// A heartbeat that cannot be written is left out: late it is worth nothing. It ends the training
  /// only where another session has taken over the run.
  private func beat() {
    do {
      try sink.heartbeat()
    } catch let failure as CifarError where failure.code == .busy && !failure.isTransient {
      lock.withLock {
        error = failure
        lock.wakeAll()
      }
    } catch let failure as CifarError where failure.isTransient {
      return
    } catch {
      Log.write(.warning, "a sign of life cannot be written: \(error)")
    }
  }
}
