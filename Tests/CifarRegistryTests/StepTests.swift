import CifarCore
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import CifarRegistry

/// Long work beside a training: who else needs the file gets it soon.
@Suite(.serialized) struct StepTests {
  let sample: Sample
  var registry: Registry { sample.registry }

  init() throws { sample = try Sample() }

  /// Writes epochs to another connection all the time while `body` runs.
  /// - Returns: the epochs that were written and the longest time that one took, in seconds.
  func beside(
    _ body: () throws -> Void
  ) throws -> (epochs: Int, longest: Double) {
    let session = try sample.other().createRun(Sample.run("trainer"))
    let isOver = Atomic(false)
    let result = Mutex((epochs: 0, longest: 0.0))
    let thread = Thread {
      var epoch = 1
      while !isOver.load(ordering: .relaxed) {
        let start = MonotonicTime.seconds
        do {
          try session.record(epoch: Sample.epoch(epoch))
        } catch {
          Issue.record("an epoch was not written: \(error)")
          break
        }
        let time = MonotonicTime.seconds - start
        result.withLock { $0 = (epoch, max($0.longest, time)) }
        epoch += 1
        usleep(3_000)
      }
      try? session.finish(status: .completed, reason: "done")
    }
    thread.start()
    defer {
      isOver.store(true, ordering: .relaxed)
      while !thread.isFinished { usleep(1_000) }
    }
    while result.withLock({ $0.epochs }) == 0, !thread.isFinished { usleep(1_000) }
    try body()
    return result.withLock { $0 }
  }

  @Test func stepsLetOthersIn() throws {
    var done = 0
    let trainer = try beside {
      try registry.writingInSteps(&done) { done, connection in
        try connection.run("UPDATE meta SET value = value")
        usleep(4_000)
        done += 1
        return done < 150
      }
    }
    #expect(done == 150)
    // One transaction would keep the trainer waiting for 600 ms and more.
    #expect(trainer.epochs > 5)
    #expect(trainer.longest < 0.4, "\(trainer.longest)")
  }

  @Test func aStepThatFindsTheFileInUseIsTakenAgain() throws {
    let reader = try sample.other(.readOnly)
    let isHeld = Atomic(false)
    let thread = Thread { [registry = reader] in
      try? registry.reading { connection in
        _ = try connection.integer("SELECT count(*) FROM runs")
        isHeld.store(true, ordering: .relaxed)
        usleep(200_000)
      }
    }
    thread.start()
    while !isHeld.load(ordering: .relaxed) { usleep(500) }
    var steps: [Int] = []
    let start = MonotonicTime.seconds
    try registry.writingInSteps(&steps) { steps, connection in
      try connection.run("INSERT INTO meta VALUES (?, 1)", [.text("step \(steps.count)")])
      steps.append(steps.count)
      return steps.count < 3
    }
    #expect(MonotonicTime.seconds - start > 0.1)
    #expect(steps == [0, 1, 2])
    #expect(try registry.integer("SELECT count(*) FROM meta WHERE key LIKE 'step%'") == 3)
  }

  @Test func collectingGivesUpWhereOthersHoldTheFileForEver() throws {
    try sample.start("gone").finish(status: .completed, reason: "")
    try registry.remove(["gone"])
    let impatient = try Registry(
      path: registry.path, mode: .readWrite(create: false), busyTimeout: 0.2)
    let reader = try sample.other(.readOnly)
    try reader.reading { connection in
      _ = try connection.integer("SELECT count(*) FROM runs")
      #expect(failure { try impatient.collectGarbage() }?.code == .busy)
    }
    #expect(try registry.collectGarbage().runs == 1)
  }

  /// What `gc`, `verify` and `rm` do beside a training leaves it the file.
  @Test func upkeepBesideATraining() throws {
    for number in 0..<40 {
      let session = try sample.start("run \(number)")
      for epoch in 1...20 { try session.record(epoch: Sample.epoch(epoch)) }
      try session.save(checkpoint: Sample.checkpoint(number, size: 300_000, salt: UInt8(number)))
      try session.finish(status: .completed, reason: "done")
    }
    let trainer = try beside {
      #expect(try registry.verify().isEmpty)
      try registry.remove((0..<40).map { "run \($0)" })
      #expect(try registry.collectGarbage().runs == 40)
    }
    #expect(trainer.epochs > 3)
    #expect(trainer.longest < 1, "\(trainer.longest)")
    #expect(try registry.verify().isEmpty)
    #expect(try registry.epochs(of: "trainer").count >= trainer.epochs)
    #expect(!sample.directory.contents.contains { $0.hasSuffix("-journal") })
  }

  @Test func aLargeRunGoesInPieces() throws {
    let session = try sample.start("large")
    let metrics = (1...30).flatMap { epoch in
      (0..<100).map { MetricRow(name: "m\($0)", epoch: epoch, value: 1) }
    }
    try session.record(epoch: Sample.epoch(1), checkpoint: Sample.checkpoint(1))
    try session.record(metrics: metrics)
    try session.finish(status: .completed, reason: "done")
    try registry.remove(["large"])
    let key = try #require(try registry.integer("SELECT id FROM runs"))
    var erasure = Erasure(runs: [key])
    // The first piece of a gc that is stopped then.
    #expect(try registry.writing { try erasure.eraseRun(in: $0) })
    let left = try registry.integer("SELECT count(*) FROM metrics") ?? 0
    #expect(left > 0 && left < 3000)
    let error = failure { try registry.restore("large") }
    #expect(error?.code == .invalidState && error?.message.contains("gc") == true)
    #expect(try registry.verify().isEmpty)
    #expect(try registry.collectGarbage().runs == 1)
    #expect(try registry.integer("SELECT count(*) FROM metrics") == 0)
    #expect(try registry.integer("SELECT count(*) FROM meta WHERE key LIKE 'erasing%'") == 0)
    #expect(try registry.integer("SELECT count(*) FROM blobs") == 0)
  }

  /// Bytes that are half deleted must not become someone's checkpoint.
  @Test func aHalfDeletedBlobIsNotFoundByItsHash() throws {
    let checkpoint = Sample.checkpoint(1, size: 3 * BlobStore.chunkSize)
    let first = try sample.start("first")
    try first.save(checkpoint: checkpoint)
    try first.finish(status: .completed, reason: "done")
    try registry.locked { try $0.execute("DELETE FROM checkpoints") }
    var last = Int64.min
    #expect(try registry.writing { try BlobStore.deleteUnused(after: &last, in: $0) })
    #expect(try registry.integer("SELECT count(*) FROM blob_chunks") == 2)
    let second = try sample.start("second")
    let id = try second.save(checkpoint: checkpoint)
    try second.finish(status: .completed, reason: "done")
    _ = try registry.collectGarbage()
    #expect(try registry.checkpointData(id) == checkpoint.data)
    #expect(try registry.integer("SELECT count(*) FROM blobs") == 1)
    #expect(try registry.verify().isEmpty)
  }

  @Test func aLongReaderGivesWay() throws {
    let session = try sample.start("large")
    for epoch in 1...8 {
      try session.save(checkpoint: Sample.checkpoint(epoch, size: 2 << 20))
    }
    try session.finish(status: .completed, reason: "done")
    let reader = try sample.other(.readOnly)
    try reader.locked { try $0.execute("PRAGMA cache_size = 10") }
    // Alone it reads on.
    let undisturbed = try reader.reading { connection in
      try connection.yieldingToWriters { try connection.integer("SELECT 1") }
    }
    #expect(undisturbed == 1)
    let start = MonotonicTime.seconds
    let trainer = try beside {
      let disturbed: Bool? = try reader.reading { connection in
        try connection.yieldingToWriters {
          while MonotonicTime.seconds - start < 20 {
            _ = try connection.rows("SELECT sum(length(hex(data))) FROM blob_chunks") { _ in () }
          }
          return true
        }
      }
      #expect(disturbed == nil)
    }
    #expect(MonotonicTime.seconds - start < 15)
    #expect(trainer.longest < 1, "\(trainer.longest)")
    #expect(try reader.runs().count == 2)
  }
}
