import CifarCore
import Testing

@testable import CifarRegistry

@Suite struct ConcurrencyTests {
  @Test func manyWritersAndReadersShareAFile() async throws {
    let sample = try Sample()
    let path = sample.registry.path
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<6 {
        group.addTask {
          let registry = try Registry(path: path, mode: .readWrite(create: true))
          let session = try registry.createRun(Sample.run("writer \(writer)"))
          for epoch in 1...15 {
            try session.record(
              epoch: Sample.epoch(epoch),
              checkpoint: Sample.checkpoint(epoch, size: 20_000, salt: UInt8(writer)))
          }
          try session.finish(status: .completed, reason: "done")
        }
      }
      for _ in 0..<2 {
        group.addTask {
          let registry = try Registry(path: path, mode: .readOnly)
          for _ in 0..<30 {
            for summary in try registry.runs() {
              // What is seen is one moment: the last epoch together with its checkpoint.
              let run = try registry.run(matching: summary.id)
              #expect(run.checkpoints.last?.epoch == run.epochs.last?.epoch)
              #expect(run.summary.epochs == run.epochs.count)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let runs = try sample.registry.runs()
    #expect(runs.count == 6)
    #expect(runs.allSatisfy { $0.epochs == 15 && $0.status == .completed })
    for run in runs {
      for checkpoint in try sample.registry.checkpoints(of: run.id) {
        _ = try sample.registry.checkpointData(checkpoint.id)
      }
    }
    let check = try sample.shell("PRAGMA integrity_check")
    #expect(check == nil || check == "ok")
  }

  @Test func oneSessionMayBeUsedFromManyThreads() async throws {
    let sample = try Sample()
    let session = try sample.start()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for epoch in 1...20 {
        group.addTask {
          try session.record(epoch: Sample.epoch(epoch), checkpoint: Sample.checkpoint(epoch))
        }
        group.addTask { try session.heartbeat() }
      }
      try await group.waitForAll()
    }
    #expect(try sample.registry.epochs(of: session.id).map(\.epoch) == Array(1...20))
  }
}
