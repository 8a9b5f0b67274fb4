import CifarCore
import CifarRegistry
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Cifar

/// A place to write to that fails when it is told to.
private final class Journal: Sendable {
  struct State {
    var lines: [String] = []
    var transactions = 0
    var attempts = 0
    var heartbeats = 0
    var isLocked = false
    var failure: CifarError?
  }
  let state = Mutex(State())

  static let lock = CifarError(.busy, "held by another process", isTransient: true)

  func write(_ entries: [SessionEntry]) throws {
    try state.withLock { state in
      state.attempts += 1
      if state.isLocked { throw Journal.lock }
      if let failure = state.failure { throw failure }
      state.transactions += 1
      state.lines += entries.map(Journal.line)
    }
  }

  private static func line(_ entry: SessionEntry) -> String {
    switch entry {
    case .epoch(let row): "epoch \(row.epoch)"
    case .checkpoint(let checkpoint):
      "checkpoint \(checkpoint.epoch)\(checkpoint.isBest ? " best" : "")"
    case .metrics(let metrics): metrics.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    case .note(let text): "note \(text)"
    case .end(let end): "end \(end.status.rawValue)"
    }
  }

  var lines: [String] { state.withLock { $0.lines } }

  var writer: RegistryWriter {
    RegistryWriter(
      RegistryWriter.Sink(
        write: { entries, _ in try self.write(entries) },
        heartbeat: { self.state.withLock { $0.heartbeats += 1 } }))
  }
}

@Suite struct RegistryWriterTests {
  private let journal = Journal()

  private func epoch(_ number: Int, isBest: Bool = false) -> [SessionEntry] {
    let row = EpochMetrics(
      epoch: number, trainLoss: 1, trainAccuracy: 0, valLoss: 1, valAccuracy: 0, learningRate: 1,
      seconds: 1, imagesPerSecond: 1)
    return [
      .epoch(row),
      .checkpoint(NewCheckpoint(epoch: number, step: number, data: [1, 2, 3], isBest: isBest)),
    ]
  }

  private let end: [SessionEntry] = [.end(SessionEnd(.completed, reason: "done"))]

  private func waitUntilLocked(_ writer: RegistryWriter) throws {
    for _ in 0..<1000 where writer.delay == nil { usleep(1000) }
    #expect(writer.delay != nil)
  }

  @Test func entriesAreWrittenInOrder() throws {
    let writer = journal.writer
    for number in 1...20 { try writer.submit(epoch(number)) }
    let isStored = try writer.finish(end, limit: 0) { _ in true }
    #expect(isStored)
    #expect(
      journal.lines == (1...20).flatMap { ["epoch \($0)", "checkpoint \($0)"] } + ["end completed"])
    #expect(writer.storedNumber == 41)
  }

  /// The training continues while others hold the registry, and of the checkpoints the newest and the
  /// best wait: memory does not grow with the time that they hold it.
  @Test func whatWaitsForALockIsWrittenAtOnceWhenItIsGone() throws {
    let writer = journal.writer
    journal.state.withLock { $0.isLocked = true }
    let number = try writer.submit(epoch(1))
    try waitUntilLocked(writer)
    for number in 2...9 { try writer.submit(epoch(number, isBest: number == 4 || number == 6)) }
    try writer.waitUntilStored()
    try writer.submit([.metrics([MetricRow(name: "f1", epoch: 9, value: 0.5)])])
    #expect(writer.delay?.epochs == 9)
    #expect(writer.storedNumber < number)
    let kept = writer.waiting.compactMap { entry -> Int? in
      if case .checkpoint(let checkpoint) = entry { checkpoint.epoch } else { nil }
    }
    #expect(kept == [6, 9])
    // Where memory is short the newest makes room for the next; the rows stay.
    writer.dropCheckpoints()
    let left = writer.waiting.count { if case .checkpoint = $0 { true } else { false } }
    #expect(left == 1 && writer.delay?.epochs == 9)
    journal.state.withLock { $0.isLocked = false }
    let isStored = try writer.finish(end, limit: 30) { _ in true }
    #expect(isStored)
    #expect(
      journal.lines == (1...6).map { "epoch \($0)" } + ["checkpoint 6 best"]
        + (7...9).map { "epoch \($0)" } + ["f1 0.5", "end completed"])
    #expect(journal.state.withLock { $0.transactions } <= 2)
    #expect(writer.delay == nil)
  }

  @Test func theEndWaitsForItsLimitAndNoLonger() throws {
    let writer = journal.writer
    journal.state.withLock { $0.isLocked = true }
    try writer.submit(epoch(1))
    let begin = Moment.now
    var asked = 0
    let isStored = try writer.finish(end, limit: 0.5) { delay in
      asked += 1
      return delay.epochs == 1
    }
    #expect(!isStored && asked >= 2)
    #expect((0.5..<20).contains(Moment.now - begin))
    #expect(writer.waiting.count == 3)
    #expect(journal.lines.isEmpty)
    // Nothing is written later without the caller's knowledge.
    journal.state.withLock { $0.isLocked = false }
    usleep(100_000)
    #expect(journal.lines.isEmpty)
  }

  @Test func someoneWhoDoesNotWantToWaitEndsTheWaiting() throws {
    let writer = journal.writer
    journal.state.withLock { $0.isLocked = true }
    let begin = Moment.now
    let isStored = try writer.finish(end, limit: 600) { _ in false }
    #expect(!isStored)
    #expect(Moment.now - begin < 20)
  }

  /// Where there is no lock in the way, nobody is asked.
  @Test func oneAttemptIsMadeHoweverShortTheLimit() throws {
    let writer = journal.writer
    let isStored = try writer.finish(epoch(1) + end, limit: 0) { _ in
      Issue.record("asked without a lock")
      return false
    }
    #expect(isStored)
    #expect(journal.lines.count == 3)
  }

  @Test func aFailureThatIsNoLockComesOutOfEveryCall() throws {
    let writer = journal.writer
    let error = CifarError(.diskFull, "full")
    journal.state.withLock { $0.failure = error }
    try writer.submit(epoch(1))
    #expect(throws: error) { try writer.waitUntilStored() }
    #expect(throws: error) { try writer.check() }
    #expect(throws: error) { try writer.submit(epoch(2)) }
    journal.state.withLock { $0.failure = nil }
    #expect(throws: error) { try writer.finish(end, limit: 10) { _ in true } }
    // What was not written can be kept elsewhere.
    #expect(writer.waiting.count == 2)
    #expect(journal.lines.isEmpty)
    #expect(journal.state.withLock { $0.attempts } == 1)
  }

  /// One that can't be written is only late; that another session has the run ends the training.
  @Test func heartbeatsAreWorthNoRun() throws {
    let errors = Mutex<[CifarError]>([
      Journal.lock, CifarError(.diskFull, "full"), Journal.lock, CifarError(.busy, "taken over"),
    ])
    let seen = Mutex(0)
    let journal = journal
    let writer = RegistryWriter(
      RegistryWriter.Sink(
        write: { entries, _ in try journal.write(entries) },
        heartbeat: {
          let error = errors.withLock { $0.isEmpty ? nil : $0.removeFirst() }
          seen.withLock { $0 += 1 }
          if let error { throw error }
        }), heartbeatInterval: 0.05)
    for _ in 0..<2000 where seen.withLock({ $0 }) < 3 { usleep(1000) }
    try writer.check()
    for _ in 0..<2000 where writer.failure == nil { usleep(1000) }
    #expect(failure { try writer.check() } == CifarError(.busy, "taken over"))
    #expect(seen.withLock { $0 } == 4)
  }

  @Test func nothingCanBeWrittenAfterTheEnd() throws {
    let writer = journal.writer
    _ = try writer.finish(end, limit: 10) { _ in true }
    let error = failure { try writer.submit([.note("late")]) }
    #expect(error?.code == .invalidState)
  }

  /// A child of `fork` has no such thread: it is told so, and waits for nothing.
  @Test func aChildIsToldThatTheWriterIsItsParents() throws {
    var writer: RegistryWriter? = journal.writer
    let child = fork()
    if child == 0 {
      alarm(10)
      var codes: [CifarError.Code?] = []
      do { try writer?.waitUntilStored() } catch { codes.append((error as? CifarError)?.code) }
      do { try writer?.submit([]) } catch { codes.append((error as? CifarError)?.code) }
      writer = nil
      _exit(codes == [.invalidState, .invalidState] ? 0 : 1)
    }
    try #require(child > 0)
    var status: Int32 = -1
    waitpid(child, &status, 0)
    #expect(status == 0)
  }
}
