import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct EditingTests {
  let sample: Sample
  var registry: Registry { sample.registry }
  init() throws { sample = try Sample() }

  func ended(_ name: String, epochs: Int = 2, size: Int = 5000, retention: Retention = .all) throws
    -> String
  {
    let session = try sample.start(name, retention: retention)
    for epoch in 1...epochs {
      let salt = UInt8(truncatingIfNeeded: name.hashValue)
      try session.record(
        epoch: Sample.epoch(epoch), checkpoint: Sample.checkpoint(epoch, size: size, salt: salt))
    }
    try session.finish(status: .completed, reason: "done")
    return session.id
  }

  @Test func tagsNotesAndNames() throws {
    let id = try ended("first")
    try registry.tag("first", "good")
    try registry.tag("first", "good")
    try registry.tag(id, "a b")
    try registry.note(String(id.prefix(8)), "one\ntwo")
    try registry.rename("first", to: "second")
    var run = try registry.run(matching: "second")
    #expect(run.summary.tags == ["a b", "good"] && run.notes.map(\.text) == ["one\ntwo"])
    try registry.untag(id, "good")
    #expect(failure { try registry.untag(id, "good") }?.code == .notFound)
    #expect(failure { try registry.tag(id, "two\nlines") }?.code == .invalidArgument)
    #expect(failure { try registry.note(id, " \n") }?.code == .invalidArgument)
    #expect(failure { try registry.rename("nobody", to: "x") }?.code == .notFound)
    try registry.rename(id, to: nil)
    run = try registry.run(matching: id)
    #expect(run.summary.name == nil && run.summary.tags == ["a b"])
  }

  @Test func aRunIsInOneGroup() throws {
    for name in ["a", "b", "c"] { _ = try ended(name) }
    try registry.setGroup("a", to: "seeds")
    try registry.setGroup("b", to: "seeds")
    try registry.setGroup("b", to: "other's")
    #expect(try registry.runs().map(\.group) == [nil, "other's", "seeds"])
    let query = RunQuery(filter: "group in (seeds, 'other''s')", sort: "group", descending: false)
    #expect(try registry.runs(query).map(\.name) == ["b", "a"])
    try registry.setGroup("a", to: nil)
    #expect(try registry.runs(RunQuery(filter: "group is null")).map(\.name) == ["c", "a"])
    #expect(failure { try registry.setGroup("a", to: "") }?.code == .invalidArgument)
    #expect(failure { try registry.setGroup("a", to: "two\nlines") }?.code == .invalidArgument)
    #expect(failure { try registry.setGroup("nobody", to: "x") }?.code == .notFound)
    var run = Sample.run()
    run.group = String(repeating: "x", count: 201)
    #expect(failure { try registry.createRun(run) }?.code == .invalidArgument)
    // A fork is a run of its own.
    try registry.setGroup("c", to: "seeds")
    let fork = try registry.fork("c", session: Sample.info)
    #expect(try registry.run(matching: fork).summary.group == nil)
  }

  @Test func metricsBelongToTheLineThatMeasuredThem() throws {
    let first = try sample.start("m", retention: .all)
    for epoch in 1...3 {
      try first.record(epoch: Sample.epoch(epoch), checkpoint: Sample.checkpoint(epoch))
      try first.record(metric: MetricRow(name: "f1", epoch: epoch, value: Double(epoch)))
    }
    try first.record(metric: MetricRow(name: "nan", epoch: 1, value: .nan))
    #expect(
      failure { try first.record(metric: MetricRow(name: "a b", epoch: 1, value: 0)) }?.code
        == .invalidArgument)
    try first.finish(status: .stopped, reason: "")
    let start = try registry.checkpoints(of: "m")[0].id
    let second = try registry.resumeRun("m", from: .id(start), session: Sample.info)
    try second.record(epoch: Sample.epoch(2))
    try second.record(metric: MetricRow(name: "f1", epoch: 2, value: 20))
    let rows = try registry.run(matching: "m").metrics
    #expect(rows.filter { $0.name == "f1" }.map(\.value) == [1, 20])
    #expect(rows.first { $0.name == "nan" }?.value.isNaN == true)
  }

  @Test func metricsAreRecordedTogetherOrNotAtAll() throws {
    let session = try sample.start("together")
    try session.record(epoch: Sample.epoch(1))
    let names = (0..<100).map { "m\($0)" }
    try session.record(metrics: names.map { MetricRow(name: $0, epoch: 1, value: 0.5) })
    try session.record(metrics: [])
    let bad = ["m0", "m1", "not a name"].map { MetricRow(name: $0, epoch: 1, value: 7) }
    #expect(failure { try session.record(metrics: bad) }?.code == .invalidArgument)
    let rows = try registry.run(matching: "together").metrics
    #expect(rows.count == 100 && rows.allSatisfy { $0.value == 0.5 })
    try session.finish(status: .stopped, reason: "")
  }

  static func pixels(_ first: UInt8) -> [UInt8] {
    (0..<3072).map { first &+ UInt8(truncatingIfNeeded: $0) }
  }

  @Test func anEvaluationComesBack() throws {
    let session = try sample.start("e")
    let evaluation = ClassEvaluation(
      epoch: 1, classNames: ["cat", "a \"dog\"\n"], confusion: [[3, 1], [0, 4]],
      misclassified: [
        .init(image: 7, actual: 0, predicted: 1, probability: 0.75, pixels: EditingTests.pixels(0))
      ],
      samples: [
        .init(image: 7, actual: 0, predicted: 1, probability: 0.75, pixels: EditingTests.pixels(0)),
        .init(image: 8, actual: 1, predicted: 1, probability: 1, pixels: EditingTests.pixels(3)),
      ])
    try session.finish(status: .completed, reason: "")
    try registry.record(evaluation: evaluation, of: "e")
    try registry.record(evaluation: evaluation, of: session.id)
    #expect(try registry.run(matching: "e").evaluation == evaluation)
  }

  @Test func everyNAndPinnedStay() throws {
    let session = try sample.start("r", retention: .last(1, every: 4))
    for epoch in 1...10 {
      let id = try session.record(
        epoch: Sample.epoch(epoch), checkpoint: Sample.checkpoint(epoch, best: epoch == 3))
      if epoch == 6, let id { try registry.pin(checkpoint: id) }
    }
    #expect(try registry.checkpoints(of: "r").map(\.epoch) == [3, 4, 6, 8, 10])
    let pinned = try registry.checkpoints(of: "r").filter(\.isPinned)
    #expect(pinned.map(\.epoch) == [6])
    try registry.pin(checkpoint: pinned[0].id, false)
    try session.record(epoch: Sample.epoch(11), checkpoint: Sample.checkpoint(11))
    #expect(try registry.checkpoints(of: "r").map(\.epoch) == [3, 4, 8, 11])
    #expect(failure { try registry.pin(checkpoint: 999) }?.code == .notFound)
    #expect(
      failure { try sample.start(retention: .last(1, every: 0)) }?.code == .invalidArgument)
  }

  @Test func theTrashHidesAndGivesBack() throws {
    let id = try ended("gone", size: 100_000)
    _ = try ended("stays", size: 100_000)
    let live = try sample.start("live")
    #expect(failure { try registry.remove(["gone", "live"]) }?.code == .busy)
    try registry.remove(["gone"])
    #expect(try registry.runs().map(\.name) == ["live", "stays"])
    #expect(try registry.runs(RunQuery(trash: true)).map(\.name) == ["gone"])
    let error = failure { try registry.run(matching: "gone") }
    #expect(error?.message.contains("restore \(id.prefix(8))") == true)
    try registry.restore("gone")
    #expect(failure { try registry.restore("gone") }?.code == .notFound)
    #expect(try registry.run(matching: id).checkpoints.count == 2)
    try live.finish(status: .completed, reason: "")
  }

  @Test func collectingGivesTheSpaceBack() throws {
    _ = try ended("kept", size: 200_000)
    let before = try registry.integer("PRAGMA page_count") ?? 0
    _ = try ended("gone", epochs: 5, size: 1_000_000)
    let full = try registry.integer("PRAGMA page_count") ?? 0
    try registry.remove(["gone"])
    let collected = try registry.collectGarbage()
    let after = try registry.integer("PRAGMA page_count") ?? 0
    #expect(collected.runs == 1 && collected.bytes == Int(full - after) * 16384)
    #expect(Double(full - after) >= 0.95 * Double(full - before))
    #expect(try registry.integer("PRAGMA freelist_count") == 0)
    #expect(try registry.verify().isEmpty)
    #expect(try registry.runs().map(\.name) == ["kept"])
    #expect(try registry.collectGarbage() == .init(runs: 0, bytes: 0))
  }

  @Test func verifyFindsAFlippedByte() throws {
    _ = try ended("a")
    _ = try ended("b")
    let id = try registry.checkpoints(of: "b")[0].id
    #expect(try registry.verify().isEmpty)
    try registry.locked {
      try $0.execute(
        """
        UPDATE blob_chunks SET data = CAST(x'00' || substr(data, 2) AS BLOB)
          WHERE blob = (SELECT blob FROM checkpoints WHERE id = \(id))
        """)
    }
    let problems = try registry.verify()
    #expect(problems.count == 1 && problems[0].contains("checkpoint \(id)"))
    #expect(try registry.verify(run: "a").isEmpty)
    try registry.locked { try $0.execute("UPDATE runs SET epochs = 7 WHERE name = 'a'") }
    #expect(try registry.verify(run: "a").count == 1)
  }

  @Test func aForkSharesBytesAndGoesItsOwnWay() throws {
    let id = try ended("trunk", epochs: 4)
    let blobs = try registry.integer("SELECT count(*) FROM blobs")
    let checkpoint = try registry.checkpoints(of: id)[1]
    let fork = try registry.fork(
      id, from: .id(checkpoint.id), name: "branch", session: Sample.info)
    #expect(try registry.integer("SELECT count(*) FROM blobs") == blobs)
    var run = try registry.run(matching: "branch")
    #expect(run.id == fork && run.epochs.map(\.epoch) == [1, 2])
    #expect(run.summary.parent == .init(run: id, checkpoint: checkpoint.id))
    #expect(run.summary.status == .interrupted)
    #expect(run.hyperparameters == Sample.run().hyperparameters)
    let session = try registry.resumeRun("branch", session: Sample.info)
    try session.record(epoch: Sample.epoch(3, accuracy: 0.99))
    run = try registry.run(matching: "branch")
    #expect(run.epochs.map(\.epoch) == [1, 2, 3] && run.summary.bestValAccuracy == 0.99)
    #expect(try registry.epochs(of: "trunk").count == 4)
    try session.finish(status: .completed, reason: "")
    try registry.remove(["trunk"])
    _ = try registry.collectGarbage()
    _ = try registry.checkpointData(try registry.checkpoints(of: "branch")[0].id)
    #expect(try registry.verify().isEmpty)
  }

  @Test func theCommitOfTheWorkingDirectory() throws {
    let files = FileManager.default
    let root = sample.directory.path
    #expect(GitCommit.current(in: root) == nil)
    try files.createDirectory(atPath: root + "/.git/refs/heads", withIntermediateDirectories: true)
    try files.createDirectory(atPath: root + "/a/b", withIntermediateDirectories: true)
    let (one, two) = (String(repeating: "1a", count: 20), String(repeating: "2b", count: 20))
    func write(_ text: String, _ path: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: root + "/" + path))
    }
    try write("ref: refs/heads/main\n", ".git/HEAD")
    #expect(GitCommit.current(in: root + "/a/b") == nil)
    try write("# pack-refs\n\(two) refs/heads/main\n", ".git/packed-refs")
    #expect(GitCommit.current(in: root + "/a/b") == two)
    try write(one + "\n", ".git/refs/heads/main")
    #expect(GitCommit.current(in: root + "/a/b") == one)
    try write(two + "\n", ".git/HEAD")
    #expect(GitCommit.current(in: root) == two)
  }
}
