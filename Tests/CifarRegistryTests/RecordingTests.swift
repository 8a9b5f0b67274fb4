import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct RecordingTests {
  let sample: Sample
  var registry: Registry { sample.registry }
  init() throws { sample = try Sample() }

  @Test func aRunComesBackAsItWasRecorded() throws {
    let session = try sample.start("first try")
    let rows = (1...3).map { Sample.epoch($0, accuracy: [0.5, 0.7, 0.6][$0 - 1]) }
    for row in rows { try session.record(epoch: row) }
    try session.finish(status: .completed, reason: "all epochs done")

    let reader = try sample.other(.readOnly)
    let run = try reader.run(matching: session.id)
    #expect(try reader.runs()[0] == run.summary)
    #expect(run.summary.name == "first try")
    #expect(run.summary.status == .completed)
    #expect(run.summary.epochs == 3)
    #expect(run.summary.epochsPlanned == 24)
    #expect(run.summary.bestValAccuracy == 0.7)
    #expect(run.summary.bestValLoss == 2.0 / 3)
    #expect(run.seed == 1 << 63)
    #expect(run.hyperparameters == Sample.run().hyperparameters)
    #expect(run.sessions.count == 1)
    #expect(run.sessions[0].reason == "all epochs done")
    #expect(run.sessions[0].info == Sample.info)
    #expect(run.epochs == rows)
    #expect(try reader.epochs(of: "first try") == rows)
  }

  @Test func numbersThatAreNoneComeBackAndNeverWin() throws {
    let session = try sample.start("diverged")
    try session.record(epoch: Sample.epoch(1, accuracy: 0.4, loss: 3))
    let row = EpochMetrics(
      epoch: 2, trainLoss: .infinity, trainAccuracy: .nan, valLoss: -.infinity, valAccuracy: .nan,
      learningRate: -0.0, seconds: .leastNonzeroMagnitude, imagesPerSecond: .greatestFiniteMagnitude
    )
    try session.record(epoch: row)
    try session.record(
      epoch: EpochMetrics(
        epoch: 3, trainLoss: 1, trainAccuracy: 0.1, valLoss: nil, valAccuracy: nil,
        learningRate: .nan, seconds: .nan, imagesPerSecond: .nan))
    let stored = try registry.epochs(of: session.id)
    #expect(stored[1].trainLoss == .infinity)
    #expect(stored[1].valAccuracy.isNaN)
    #expect(stored[1].trainAccuracy.isNaN)
    #expect(stored[1].valLoss == -.infinity)
    #expect(stored[1].seconds == .leastNonzeroMagnitude)
    #expect(stored[1].imagesPerSecond == .greatestFiniteMagnitude)
    #expect(stored[2][.valLoss] == nil && stored[2][.valAccuracy] == nil)
    #expect(stored[2].seconds.isNaN)
    let summary = try registry.runs()[0]
    #expect(summary.bestValAccuracy == 0.4)
    #expect(summary.bestValLoss == -.infinity)
    let marks = try sample.shell("SELECT nan FROM epochs WHERE epoch = 2")
    #expect(marks == nil || marks == "train_accuracy val_accuracy")
  }

  @Test(arguments: EpochMetric.allCases)
  func aMetricOutOfItsRangeIsRefused(metric: EpochMetric) throws {
    let session = try sample.start()
    var row = Sample.epoch(1)
    row[metric] = -1
    let code = failure { try session.record(epoch: row) }?.code
    #expect(code == (metric.format == .loss ? nil : .invalidArgument))
  }

  @Test func sqlitesOwnShellReadsTheFile() throws {
    let session = try sample.start("shell")
    for epoch in 1...3 {
      try session.record(epoch: Sample.epoch(epoch), checkpoint: Sample.checkpoint(epoch))
    }
    guard let check = try sample.shell("PRAGMA integrity_check; PRAGMA foreign_key_check") else {
      return
    }
    #expect(check == "ok")
    let text = try sample.shell(
      "SELECT name, seed, hyperparameters ->> '$.optimizer.learning_rate', date(started) >= '2024' FROM runs"
    )
    #expect(text == "shell|9223372036854775808|0.001|1")
    #expect(
      try sample.shell("SELECT epoch, learning_rate FROM epochs WHERE val_loss < 0.9") == "3|0.001")
  }

  @Test func anEpochIsRecordedOnce() throws {
    let session = try sample.start()
    try session.record(epoch: Sample.epoch(1))
    let again = Sample.checkpoint(1)
    #expect(
      failure { try session.record(epoch: Sample.epoch(1), checkpoint: again) }?.code
        == .invalidState)
    #expect(failure { try session.record(epoch: Sample.epoch(0)) }?.code == .invalidArgument)
    #expect(try registry.checkpoints(of: session.id).isEmpty)
  }

  @Test func anEndedSessionWritesNothing() throws {
    let session = try sample.start()
    #expect(failure { try session.finish(status: .crashed, reason: "") }?.code == .invalidArgument)
    try session.finish(status: .failed, reason: "no reason")
    #expect(failure { try session.heartbeat() }?.code == .invalidState)
    #expect(failure { try session.record(epoch: Sample.epoch(1)) }?.code == .invalidState)
    #expect(try registry.runs()[0].status == .failed)
  }

  @Test func aDroppedSessionDoesNotLookAlive() throws {
    var session: RunSession? = try sample.start()
    let id = session!.id
    #expect(try registry.run(matching: id).summary.status == .running)
    session = nil
    #expect(try registry.run(matching: id).summary.status == .interrupted)
  }

  @Test func aFullDiskLosesNothingThatWasThere() throws {
    let session = try sample.start()
    try session.record(epoch: Sample.epoch(1), checkpoint: Sample.checkpoint(1, size: 100_000))
    let pages = try registry.integer("PRAGMA page_count") ?? 0
    try registry.locked { try $0.execute("PRAGMA max_page_count = \(pages + 3)") }
    let error = failure {
      try session.record(epoch: Sample.epoch(2), checkpoint: Sample.checkpoint(2, size: 100_000))
    }
    #expect(error?.code == .diskFull)
    #expect(error?.message.contains(registry.path) == true && error?.isOneLine == true)
    #expect(try registry.epochs(of: session.id).map(\.epoch) == [1])
    let kept = try registry.checkpoint(.last, of: session.id)
    #expect(try registry.checkpointData(kept.id) == Sample.checkpoint(1, size: 100_000).data)

    try registry.locked { try $0.execute("PRAGMA max_page_count = 1000000") }
    try session.record(epoch: Sample.epoch(2), checkpoint: Sample.checkpoint(2, size: 100_000))
    #expect(try registry.epochs(of: session.id).map(\.epoch) == [1, 2])
    #expect(try registry.checkpoint(.last, of: session.id).epoch == 2)
  }

  @Test func aDeletedFileIsNoticed() throws {
    let session = try sample.start()
    try FileManager.default.removeItem(atPath: registry.path)
    let error = failure { try session.record(epoch: Sample.epoch(1)) }
    #expect(error?.code == .io)
    #expect(error?.message.contains("moved or deleted") == true)
  }

  @Test func whatCannotBeShownIsNoName() throws {
    for name in ["", "two\nlines", "\u{1b}[31m", String(repeating: "x", count: 201)] {
      #expect(failure { try sample.start(name) }?.code == .invalidArgument)
    }
    _ = try sample.start("猫 🐈 'quoted' \"name\"")
    #expect(try registry.run(matching: "猫 🐈 'quoted' \"name\"").summary.recipe == "pytorch")
    #expect(try registry.runs().count == 1)
    #expect(failure { try sample.start(retention: .last(0)) }?.code == .invalidArgument)
    var run = Sample.run()
    run.hyperparameters = "{"
    #expect(failure { try registry.createRun(run) }?.code == .invalidArgument)
    #expect(try registry.runs().count == 1)
  }
}
