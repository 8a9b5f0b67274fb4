import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct CheckpointTests {
  let sample: Sample
  var registry: Registry { sample.registry }
  init() throws { sample = try Sample() }

  func count(_ table: String) throws -> Int64? {
    try registry.integer("SELECT count(*) FROM \(table)")
  }

  @Test(arguments: [0, 1, BlobStore.chunkSize, 2 * BlobStore.chunkSize + 17])
  func bytesComeBack(size: Int) throws {
    let session = try sample.start()
    let checkpoint = Sample.checkpoint(3, batch: 5, size: size)
    let id = try session.save(checkpoint: checkpoint)
    #expect(try registry.checkpointData(id) == checkpoint.data)
    let row = try registry.checkpoint(.id(id), of: session.id)
    #expect(row.epoch == 3 && row.batch == 5 && row.step == 305 && row.size == size)
    #expect(row.sha256 == SHA256.hexadecimal(of: checkpoint.data))
    #expect(row.run == session.id)
  }

  @Test func theLastOnesAndTheBestStay() throws {
    let session = try sample.start(retention: .last(2))
    let pages = "PRAGMA page_count"
    var largest: Int64 = 0
    for epoch in 1...40 {
      try session.record(
        epoch: Sample.epoch(epoch),
        checkpoint: Sample.checkpoint(epoch, size: 100_000, best: epoch == 2 || epoch == 5))
      let kept = try registry.checkpoints(of: session.id)
      #expect(kept.count <= 3)
      #expect(kept.last?.epoch == epoch)
      #expect(kept.filter(\.isBest).map(\.epoch) == (epoch == 1 ? [] : epoch < 5 ? [2] : [5]))
      largest = max(largest, try registry.integer(pages) ?? 0)
    }
    #expect(try registry.checkpoints(of: session.id).map(\.epoch) == [5, 39, 40])
    #expect(try registry.checkpoint(.best, of: session.id).epoch == 5)
    #expect(try count("blobs") == 3)
    #expect(try count("blob_chunks") == 3)
    // Freed pages are used again: never more than the three that stay and the one being saved.
    #expect(largest * 16384 < 4 * 100_000 + 800_000)
  }

  @Test func allStayWhereThatIsWanted() throws {
    let session = try sample.start(retention: .all)
    for epoch in 1...5 { try session.save(checkpoint: Sample.checkpoint(epoch)) }
    #expect(try registry.checkpoints(of: session.id).map(\.epoch) == [1, 2, 3, 4, 5])
    #expect(failure { try registry.checkpoint(.best, of: session.id) }?.code == .notFound)
  }

  @Test func equalBytesAreStoredOnceAndGoWithTheLastThatNeedsThem() throws {
    let one = try sample.start(retention: .last(1))
    let two = try sample.start(retention: .last(1))
    let shared = Sample.checkpoint(1)
    try one.save(checkpoint: shared)
    let id = try two.save(checkpoint: shared)
    #expect(try count("blobs") == 1)
    try one.save(checkpoint: Sample.checkpoint(2))
    #expect(try count("blobs") == 2)
    #expect(try registry.checkpointData(id) == shared.data)
    try two.save(checkpoint: Sample.checkpoint(2))
    #expect(try count("blobs") == 1)
  }

  @Test func anIdIsNeverUsedAgain() throws {
    let session = try sample.start(retention: .last(1))
    let ids = try (1...4).map { try session.save(checkpoint: Sample.checkpoint($0)) }
    #expect(Set(ids).count == 4)
    let error = failure { try registry.checkpointData(ids[0]) }
    #expect(error?.code == .notFound)
    let inRun = failure { try registry.checkpoint(.id(ids[0]), of: session.id) }
    #expect(inRun?.message.contains("it has \(ids[3])") == true)
  }

  @Test(arguments: [
    "UPDATE blob_chunks SET data = zeroblob(length(data))",
    "UPDATE blob_chunks SET data = x'' WHERE number = 1",
    "DELETE FROM blob_chunks WHERE number = 0",
    "UPDATE blob_chunks SET number = 3 - number",
  ])
  func damageIsFound(damage: String) throws {
    let session = try sample.start()
    let id = try session.save(checkpoint: Sample.checkpoint(1, size: BlobStore.chunkSize + 9))
    _ = try registry.checkpointData(id)
    try registry.locked { try $0.execute(damage) }
    let error = failure { try registry.checkpointData(id) }
    #expect(error?.code == .checksumMismatch)
    #expect(error?.message.contains("checkpoint \(id)") == true && error?.isOneLine == true)
  }

  @Test func choicesAreRead() {
    #expect(CheckpointChoice("last") == .last)
    #expect(CheckpointChoice("best") == .best)
    #expect(CheckpointChoice("17") == .id(17))
    for text in ["", "0", "-1", "newest", "1.5"] { #expect(CheckpointChoice(text) == nil) }
  }
}
