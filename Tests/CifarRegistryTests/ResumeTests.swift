import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct ResumeTests {
  let sample: Sample
  var registry: Registry { sample.registry }
  init() throws { sample = try Sample() }

  /// A run with `epochs` recorded, each with a checkpoint, ended.
  func ended(_ epochs: Int, retention: Retention = .all) throws -> String {
    let session = try sample.start(retention: retention)
    try record(session, 1...epochs)
    try session.finish(status: .completed, reason: "all epochs done")
    return session.id
  }

  func record(_ session: RunSession, _ epochs: ClosedRange<Int>, salt: UInt8 = 0) throws {
    for epoch in epochs {
      try session.record(
        epoch: Sample.epoch(epoch, accuracy: Double(salt) / 10),
        checkpoint: Sample.checkpoint(epoch, salt: salt))
    }
  }

  func resume(
    _ run: String, from choice: CheckpointChoice = .last, takeOver: Bool = false
  ) throws -> RunSession {
    try registry.resumeRun(run, from: choice, session: Sample.info, takeOver: takeOver)
  }

  func id(epoch: Int, of run: String, superseded: Bool = false) throws -> Int64 {
    let rows = try registry.checkpoints(of: run)
    return try #require(rows.last { $0.epoch == epoch && $0.isSuperseded == superseded }).id
  }

  @Test func aRunGoesOnFromItsLastCheckpoint() throws {
    let run = try ended(3)
    let session = try registry.resumeRun(
      String(run.prefix(8)), session: Sample.info, epochsPlanned: 30, retention: .last(1))
    #expect(session.id == run)
    #expect(session.resumedFrom?.epoch == 3)
    #expect(try registry.runs()[0].status == .running)
    #expect(try registry.runs()[0].epochsPlanned == 30)
    try record(session, 4...4)
    #expect(try registry.epochs(of: run).map(\.epoch) == [1, 2, 3, 4])
    #expect(try registry.checkpoints(of: run).map(\.epoch) == [4])
    try session.finish(status: .interrupted, reason: "Ctrl-C")
    let detail = try registry.run(matching: run)
    #expect(detail.sessions.map(\.status) == [.completed, .interrupted])
    #expect(detail.sessions[1].resumedFrom == .init(epoch: 3, batch: 0))
    #expect(detail.retention == .last(1))
    #expect(detail.summary.status == .interrupted)
  }

  @Test func aRunningRunIsNotResumed() throws {
    let session = try sample.start("live")
    try record(session, 1...1)
    let error = failure { try resume("live") }
    #expect(error?.code == .busy)
    #expect(error?.isOneLine == true)
    try record(session, 2...2)
  }

  @Test func ofManyResumesOneWins() async throws {
    let run = try ended(2)
    let path = registry.path
    let outcomes = await withTaskGroup(of: Result<RunSession, any Error>.self) { group in
      for _ in 0..<8 {
        group.addTask {
          Result {
            let other = try Registry(path: path, mode: .readWrite(create: false))
            return try other.resumeRun(run, session: Sample.info)
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let errors = outcomes.compactMap { outcome in failure { try outcome.get() } }
    #expect(errors.map(\.code) == Array(repeating: .busy, count: 7))
    #expect(outcomes.count == 8)
  }

  /// What was "last" when someone looked is another one by the time that the run is his.
  @Test func aCheckpointThatIsNotTheLastAnyMoreIsNoticed() throws {
    let run = try ended(2)
    let last = try #require(try registry.checkpointID(.last, of: run))
    let chosen = ChosenCheckpoint(.last, id: last)
    let other = try resume(run)
    try record(other, 3...3)
    let busy = failure {
      try registry.resumeRun(run, from: .id(last), session: Sample.info, chosen: chosen)
    }
    #expect(busy?.code == .busy)
    try other.finish(status: .completed, reason: "")
    #expect(throws: MovedCheckpoint.self) {
      try registry.resumeRun(run, from: .id(last), session: Sample.info, chosen: chosen)
    }
    #expect(try registry.runs()[0].status == .completed)
    let now = try #require(try registry.checkpointID(.last, of: run))
    #expect(now != last)
    let session = try registry.resumeRun(
      run, from: .id(now), session: Sample.info, chosen: ChosenCheckpoint(.last, id: now))
    #expect(session.resumedFrom?.epoch == 3)
  }

  @Test func aSessionThatWasTakenOverIsFenced() throws {
    let first = try sample.start()
    try record(first, 1...2)
    let second = try resume(first.id, takeOver: true)
    for error in [
      failure { try first.record(epoch: Sample.epoch(3)) }, failure { try first.heartbeat() },
      failure { try first.save(checkpoint: Sample.checkpoint(3)) },
      failure { try first.finish(status: .completed, reason: "") },
    ] {
      #expect(error?.code == .busy)
    }
    try record(second, 3...3)
    #expect(try registry.epochs(of: first.id).count == 3)
    #expect(try registry.run(matching: first.id).sessions[0].status == .interrupted)
  }

  @Test func nothingChangesBeforeTheFirstWrite() throws {
    let run = try ended(5)
    let session = try resume(run, from: .id(try id(epoch: 2, of: run)))
    try session.heartbeat()
    try session.finish(status: .failed, reason: "the data set is missing")
    #expect(try registry.epochs(of: run).map(\.epoch) == [1, 2, 3, 4, 5])
    #expect(try resume(run).resumedFrom?.epoch == 5)
  }

  @Test func anEarlierCheckpointSupersedesWhatCameAfterIt() throws {
    let run = try ended(5)
    let session = try resume(run, from: .id(try id(epoch: 2, of: run)))
    try record(session, 3...3, salt: 1)
    #expect(try registry.epochs(of: run).map(\.epoch) == [1, 2, 3])
    #expect(try registry.epochs(of: run)[2].valAccuracy == 0.1)
    #expect(try registry.checkpoint(.last, of: run).epoch == 3)
    let superseded = try registry.checkpoints(of: run).filter(\.isSuperseded)
    #expect(superseded.map(\.epoch) == [3, 4, 5])
    let aside = try registry.integer("SELECT count(*) FROM epochs WHERE superseded = 1")
    #expect(aside == 3)
    try session.finish(status: .completed, reason: "")

    // From a superseded checkpoint: its rows are current again, the others no longer.
    let back = try resume(run, from: .id(try id(epoch: 4, of: run, superseded: true)))
    try record(back, 5...6, salt: 2)
    let accuracies = try registry.epochs(of: run).map(\.valAccuracy)
    #expect(accuracies == [0, 0, 0, 0, 0.2, 0.2])
    let left = try registry.checkpoints(of: run).filter { !$0.isSuperseded }
    #expect(left.map(\.epoch) == [1, 2, 3, 4, 5, 6])
    try back.finish(status: .completed, reason: "")
    try record(try resume(run), 7...7)
    #expect(try registry.epochs(of: run).map(\.epoch) == [1, 2, 3, 4, 5, 6, 7])
  }

  /// Epochs, metrics and checkpoints are marked together.
  @Test func metricsAreSupersededWithTheirEpochs() throws {
    func value(_ run: String) throws -> [Double] {
      try registry.run(matching: run).metrics.map(\.value)
    }
    let first = try sample.start("m", retention: .all)
    for epoch in 1...3 {
      try first.record(metric: MetricRow(name: "f1", epoch: epoch, value: Double(epoch)))
      try record(first, epoch...epoch)
    }
    try first.finish(status: .completed, reason: "")
    let second = try resume("m", from: .id(try id(epoch: 1, of: "m")))
    #expect(try value("m") == [1, 2, 3])
    // An epoch that another session trained keeps its value.
    try second.record(metric: MetricRow(name: "f1", epoch: 1, value: 10))
    try second.record(metric: MetricRow(name: "f1", epoch: 2, value: 20))
    try record(second, 2...2, salt: 1)
    #expect(try value("m") == [1, 20])
    try second.finish(status: .completed, reason: "")
    let third = try resume("m", from: .id(try id(epoch: 3, of: "m", superseded: true)))
    try record(third, 4...4)
    #expect(try value("m") == [1, 2, 3])
    #expect(try registry.runs(RunQuery(filter: "metrics.f1 = 3")).count == 1)
    #expect(try registry.verify().isEmpty)
  }

  @Test func theBestOfTheSupersededStays() throws {
    let first = try sample.start(retention: .last(1))
    let start = try first.save(checkpoint: Sample.checkpoint(1))
    try first.finish(status: .completed, reason: "")
    let keepAll = try registry.resumeRun(
      first.id, session: Sample.info, retention: .all)
    try keepAll.save(checkpoint: Sample.checkpoint(2, best: true))
    try keepAll.save(checkpoint: Sample.checkpoint(3))
    try keepAll.finish(status: .completed, reason: "")
    let again = try registry.resumeRun(
      first.id, from: .id(start), session: Sample.info, retention: .last(1))
    try again.save(checkpoint: Sample.checkpoint(2, salt: 1))
    let rows = try registry.checkpoints(of: first.id)
    #expect(rows.map(\.epoch) == [2, 2])
    #expect(rows.map(\.isSuperseded) == [true, false])
    #expect(failure { try registry.checkpoint(.best, of: first.id) }?.code == .notFound)
  }

  @Test func anInterruptedEpochIsTakenUpInTheMiddle() throws {
    let first = try sample.start()
    try record(first, 1...2)
    try first.save(checkpoint: Sample.checkpoint(2, batch: 40))
    try first.finish(status: .interrupted, reason: "Ctrl-C")
    let second = try resume(first.id)
    #expect(second.resumedFrom?.epoch == 2 && second.resumedFrom?.batch == 40)
    try record(second, 3...3)
    #expect(try registry.epochs(of: first.id).map(\.epoch) == [1, 2, 3])
    #expect(try registry.checkpoints(of: first.id).allSatisfy { !$0.isSuperseded })
  }

  @Test func whatIsNotThereIsNamed() throws {
    let session = try sample.start()
    try session.finish(status: .failed, reason: "")
    #expect(failure { try resume(session.id) }?.code == .notFound)
    #expect(failure { try resume("ffff0000") }?.code == .notFound)
    #expect(try registry.runs()[0].status == .failed)
  }
}
