import CMemory
import CifarCore
import Testing

@testable import CifarCore

/// The reserve is one for the process: one test at a time.
@Suite(.serialized) struct ReserveTests {
  @Test func blocksKeepApartAndComeBack() throws {
    let before = memory_reserve_used()
    var random = RandomSequence(seed: 1, purpose: .syntheticImages)
    var blocks: [(start: UnsafeMutablePointer<UInt8>, count: Int, mark: UInt8)] = []
    for turn in 0..<4000 {
      if blocks.count > 200 || turn % 3 == 2, !blocks.isEmpty {
        let block = blocks.remove(at: random.below(blocks.count))
        #expect((0..<block.count).allSatisfy { block.start[$0] == block.mark })
        memory_reserve_return(block.start)
        continue
      }
      let count = random.below(2000)
      let alignment = 16 << random.below(5)
      guard let raw = memory_reserve_take(count, alignment) else { continue }
      #expect(UInt(bitPattern: raw) % UInt(alignment) == 0)
      let start = raw.assumingMemoryBound(to: UInt8.self)
      let mark = UInt8(truncatingIfNeeded: turn)
      start.update(repeating: mark, count: count)
      blocks.append((start, count, mark))
    }
    for block in blocks {
      #expect((0..<block.count).allSatisfy { block.start[$0] == block.mark })
      memory_reserve_return(block.start)
    }
    #expect(memory_reserve_used() == before)
    // What was cut up is whole again.
    let large = try #require(memory_reserve_take(memory_reserve_size() / 2, 16))
    memory_reserve_return(large)
  }

  @Test func whatDoesNotFitIsRefused() {
    #expect(memory_reserve_take(memory_reserve_size(), 16) == nil)
    #expect(memory_reserve_take(.max, 16) == nil)
    #expect(memory_reserve_take(16, 1 << 20) == nil)
  }

  /// While memory can be had, a block that stays in the reserve stops nobody; an empty reserve does.
  @Test func onlyAnEmptyReserveIsLow() throws {
    let small = try #require(memory_reserve_take(100, 16))
    try MemoryNeed.checkReserve()
    let large = try #require(memory_reserve_take(memory_reserve_size() / 5 * 4, 16))
    #expect(throws: CifarError.self) { try MemoryNeed.checkReserve() }
    memory_reserve_return(large)
    memory_reserve_return(small)
    try MemoryNeed.checkReserve()
  }
}
