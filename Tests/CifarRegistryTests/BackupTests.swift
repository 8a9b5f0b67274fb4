import CifarCore
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct BackupTests {
  let sample: Sample
  var registry: Registry { sample.registry }

  init() throws { sample = try Sample() }

  func record(_ name: String, epochs: Int = 3, size: Int = 50_000) throws {
    let session = try sample.start(name)
    for epoch in 1...epochs {
      try session.record(
        epoch: Sample.epoch(epoch), checkpoint: Sample.checkpoint(epoch, size: size))
    }
    try session.finish(status: .completed, reason: "done")
  }

  @Test func theCopyIsARegistryLikeAnyOther() throws {
    try record("one")
    try registry.tag("one", "kept")
    let target = sample.directory.file("copy.db")
    let backup = try registry.backup(to: target)
    let copy = try Registry(path: target, mode: .readWrite(create: false))
    #expect(backup.runs == 1 && backup.checkpoints == 2)
    #expect(try copy.run(matching: "one") == registry.run(matching: "one"))
    for checkpoint in try copy.checkpoints(of: "one") {
      #expect(try copy.checkpointData(checkpoint.id) == registry.checkpointData(checkpoint.id))
    }
    #expect(try copy.integer("PRAGMA auto_vacuum") == 2)
    try copy.createRun(Sample.run("in the copy")).finish(status: .completed, reason: "")
    #expect(try copy.verify().isEmpty && registry.runs().count == 1)
    #expect(sample.directory.contents == ["copy.db", "runs.db"])
    #expect(try FileManager.default.attributesOfItem(atPath: target)[.size] as? Int ?? 0 > 0)
  }

  @Test func whatIsThereStays() throws {
    try record("one")
    let thesis = sample.directory.file("thesis.txt")
    try Data("years of work".utf8).write(to: URL(fileURLWithPath: thesis))
    let other = sample.directory.file("other.db")
    _ = try Registry(path: other, mode: .readWrite(create: true))
    let before = try Data(contentsOf: URL(fileURLWithPath: other))
    for path in [thesis, other, registry.path, sample.directory.path, "/dev/null", ""] {
      #expect(failure { try registry.backup(to: path) }?.code == .invalidArgument, "\(path)")
    }
    #expect(failure { try registry.backup(to: other, force: true) }?.code == .invalidArgument)
    #expect(try Data(contentsOf: URL(fileURLWithPath: other)) == before)
    #expect(try String(contentsOfFile: thesis, encoding: .utf8) == "years of work")
    try registry.backup(to: thesis, force: true)
    #expect(try Registry(path: thesis, mode: .readOnly).runs().count == 1)
    #expect(failure { try registry.backup(to: sample.directory.file("no/copy.db")) }?.code == .io)
    #expect(sample.directory.contents == ["other.db", "runs.db", "thesis.txt"])
  }

  @Test func aDamagedRegistryIsNotCopied() throws {
    try record("one")
    try registry.locked {
      try $0.execute(
        "UPDATE blob_chunks SET data = CAST(x'00' || substr(data, 2) AS BLOB) WHERE rowid = 2")
    }
    let target = sample.directory.file("copy.db")
    let error = failure { try registry.backup(to: target) }
    #expect(error?.code == .checksumMismatch && error?.isOneLine == true)
    #expect(error?.message.contains("damaged") == true)
    #expect(sample.directory.contents == ["runs.db"])
  }

  /// What others added is theirs: the copy has it, too.
  @Test func strangersComeAlong() throws {
    try record("one")
    try registry.locked { try $0.execute("CREATE TABLE notebook (line TEXT)") }
    let target = sample.directory.file("copy.db")
    var told: [String] = []
    let backup = try registry.backup(to: target, told: { told.append($0) })
    #expect(backup.problems.isEmpty && told.count == 1 && told[0].contains("'notebook'"))
    #expect(try Registry(path: target, mode: .readOnly).strangers().count == 1)
  }

  @Test(arguments: [
    "DROP TABLE meta", "DROP TRIGGER blob_chunks_insert",
    "UPDATE runs SET best_val_loss = 7", "DELETE FROM epochs WHERE epoch = 2",
    "DROP VIEW run_details; CREATE VIEW run_details AS SELECT 1 AS run",
  ])
  func whatVerifyFindsIsNotCopied(_ harm: String) throws {
    try record("one")
    try registry.locked { try $0.execute(harm) }
    let target = sample.directory.file("copy.db")
    let found = try registry.verify()
    #expect(!found.isEmpty)
    #expect(failure { try registry.backup(to: target, told: { _ in }) }?.code == .checksumMismatch)
    #expect(sample.directory.contents == ["runs.db"])
    // But saved where someone asks for it.
    var told: [String] = []
    let backup = try registry.backup(to: target, damaged: true, told: { told.append($0) })
    #expect(backup.problems == found && told == found && backup.runs == 1)
    #expect(try Registry(path: target, mode: .readOnly).verify() == found)
  }

  @Test func everyCopyIsWholeWhileOthersTrain() throws {
    try record("large", epochs: 4, size: 3 << 20)
    let isOver = Atomic(false)
    let written = Mutex([Int](repeating: 0, count: 4))
    let trainers = try (0..<4).map { number in
      let session = try sample.other().createRun(Sample.run("trainer \(number)"))
      let thread = Thread {
        var epoch = 1
        while !isOver.load(ordering: .relaxed) {
          do {
            try session.record(
              epoch: Sample.epoch(epoch),
              checkpoint: Sample.checkpoint(epoch, size: 40_000, salt: UInt8(number)))
          } catch {
            Issue.record("an epoch was not written: \(error)")
            return
          }
          written.withLock { $0[number] = epoch }
          epoch += 1
        }
        try? session.finish(status: .completed, reason: "done")
      }
      thread.start()
      return thread
    }
    defer {
      isOver.store(true, ordering: .relaxed)
      while trainers.contains(where: { !$0.isFinished }) { usleep(1_000) }
    }
    for number in 0..<8 {
      let before = written.withLock { $0 }
      let target = sample.directory.file("copy \(number).db")
      try registry.backup(to: target)
      let copy = try Registry(path: target, mode: .readOnly)
      // It was checked already; here by another road.
      let check = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"
      #expect(try copy.integer(check) == 0)
      for (trainer, epochs) in before.enumerated() {
        let run = try copy.run(matching: "trainer \(trainer)")
        #expect(run.epochs.count >= epochs)
        for checkpoint in run.checkpoints { _ = try copy.checkpointData(checkpoint.id) }
      }
    }
    #expect(written.withLock { $0.allSatisfy { $0 > 1 } })
  }
}
