import CifarCore
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct ImportTests {
  let sample: Sample
  var registry: Registry { sample.registry }
  init() throws { sample = try Sample() }

  private func imported(
    _ epochs: ClosedRange<Int>, of session: RunSession? = nil
  ) -> ImportedRun {
    var imported = ImportedRun(
      run: Sample.run("imported"),
      checkpoint: Sample.checkpoint(epochs.upperBound, best: true),
      end: SessionEnd(.completed, reason: "all epochs done"))
    imported.epochs = epochs.map { Sample.epoch($0) }
    imported.metrics = epochs.map { MetricRow(name: "f1", epoch: $0, value: Double($0)) }
    imported.notes = ["by train"]
    imported.origin = session.map { .init(run: $0.id, token: $0.token) }
    return imported
  }

  @Test func aRunComesWithAllThatIsKnownOfIt() throws {
    let id = try registry.importRun(imported(1...4)).run
    let run = try registry.run(matching: id)
    #expect(run.summary.name == "imported" && run.summary.status == .completed)
    #expect(run.epochs.map(\.epoch) == [1, 2, 3, 4] && run.summary.epochs == 4)
    #expect(run.metrics.map(\.value) == [1, 2, 3, 4])
    #expect(run.notes.map(\.text) == ["by train"])
    #expect(run.checkpoints.map(\.epoch) == [4] && run.checkpoints[0].isBest)
    #expect(run.sessions.map(\.status) == [.completed])
    #expect(try registry.verify() == [])
  }

  @Test func theTimeIsThatOfTheTraining() throws {
    for (seconds, expected) in [
      (0, 0), (12.5, 12.5), (-3, 0), (.nan, 0), (.infinity, 1e6), (1e300, 1e6),
    ] {
      var file = imported(1...2)
      file.end.time = Timestamp(millisecondsSince1970: 1_000_000_000)
      file.seconds = seconds
      let run = try registry.run(matching: registry.importRun(file).run)
      #expect(run.summary.durationSeconds == expected, "\(seconds)")
      #expect(run.sessions[0].ended == file.end.time)
      #expect(run.sessions[0].started == run.summary.started)
      #expect(run.sessions[0].durationSeconds == expected)
    }
    #expect(try registry.runs(RunQuery(filter: "duration < 0")).isEmpty)
  }

  @Test func aClockThatIsSetBackMakesNoTimeNegative() throws {
    let session = try sample.start("first")
    let past = Timestamp(millisecondsSince1970: Timestamp.now.millisecondsSince1970 - 3_600_000)
    try session.write([.end(SessionEnd(.completed, reason: "", time: past))])
    let other = try sample.start("second")
    try registry.locked {
      try $0.execute("UPDATE sessions SET heartbeat = '2020-01-01T00:00:00.000Z' WHERE run = 2")
    }
    try registry.locked { try $0.execute("UPDATE sessions SET pid_start_ticks = 1 WHERE run = 2") }
    for id in [session.id, other.id] {
      let run = try registry.run(matching: id)
      #expect(run.summary.durationSeconds == 0)
      #expect(run.sessions.allSatisfy { $0.durationSeconds == 0 })
    }
    let ended = try registry.run(matching: session.id).sessions[0]
    #expect(ended.ended == ended.started)
  }

  @Test func allOfItOrNothing() throws {
    var twice = imported(1...3)
    twice.epochs.append(Sample.epoch(2))
    #expect(failure { try registry.importRun(twice) }?.code == .invalidState)
    var late = imported(1...3)
    late.checkpoint.epoch = Limits.epochs + 1
    #expect(failure { try registry.importRun(late) }?.code == .invalidArgument)
    var nameless = imported(1...3)
    nameless.metrics = [MetricRow(name: "no name", epoch: 1, value: 1)]
    #expect(failure { try registry.importRun(nameless) }?.code == .invalidArgument)
    for table in ["runs", "sessions", "epochs", "checkpoints", "blobs", "blob_chunks", "metrics"] {
      #expect(try registry.integer("SELECT count(*) FROM \(table)") == 0, "\(table)")
    }
  }

  @Test func theRunOfTheFileGetsWhatItLacks() throws {
    let session = try sample.start("first")
    for epoch in 1...2 {
      try session.record(epoch: Sample.epoch(epoch), checkpoint: Sample.checkpoint(epoch))
    }
    let file = imported(1...4, of: session)
    #expect(try registry.importRun(file) == .completed(session.id))
    // The session lost the right to write.
    #expect(failure { try session.heartbeat() }?.code == .busy)
    let run = try registry.run(matching: session.id)
    #expect(run.summary.name == "first" && run.summary.status == .completed)
    #expect(run.epochs.map(\.epoch) == [1, 2, 3, 4])
    #expect(run.metrics.map(\.epoch) == [3, 4])
    #expect(run.checkpoints.map(\.epoch) == [3 - 1, 4])
    #expect(try registry.verify() == [])
    #expect(try registry.importRun(file) == .known(session.id))
    #expect(try registry.runs().count == 1)
  }

  @Test func whoShowsAnotherTokenGetsARunOfHisOwn() throws {
    let session = try sample.start("first")
    try session.record(epoch: Sample.epoch(1), checkpoint: Sample.checkpoint(1))
    var file = imported(1...2)
    file.origin = .init(run: session.id, token: "x")
    guard case .new(let id) = try registry.importRun(file) else {
      Issue.record("the run of another session was changed")
      return
    }
    #expect(id != session.id)
    try session.heartbeat()
  }

  @Test func aRunInTheTrashStaysThere() throws {
    let session = try sample.start("first")
    try session.finish(status: .failed, reason: "")
    try registry.remove([session.id])
    let result = try registry.importRun(imported(1...2, of: session))
    #expect(result == .new(result.run) && result.run != session.id)
  }
}
