import Testing

@testable import CifarNN

/// Memory that operators share: none of it twice at a time, and workers far from each other.
@Suite struct ScratchTests {
  @Test func placesDoNotOverlap() throws {
    let size = ScratchSize(shared: 100, filterSums: 70, worker: 33)
      .union(ScratchSize(worker: 17, for: .staging))
      .union(ScratchSize(shared: 50, worker: 20))
      .union(ScratchSize(worker: 5, for: .gradients))
    let scratch = try Scratch(size, threads: 3)
    let sizes: [(Scratch.Use, Int)] = [(.own, 33), (.staging, 17), (.images, 0), (.gradients, 5)]
    #expect(scratch.filterSums.count >= 70)
    let filterSums = try #require(scratch.filterSums.baseAddress)
    var places = [
      (start: scratch.shared, count: 100), (start: filterSums, count: scratch.filterSums.count),
    ]
    for worker in 0..<3 {
      for (use, count) in sizes {
        places.append((scratch.pointer(worker: worker, for: use), count))
      }
    }
    for (one, next) in zip(places, places.dropFirst()) {
      #expect(one.start + one.count <= next.start)
      // Whole cache lines.
      #expect((next.start - scratch.shared) % 16 == 0)
    }
  }

  @Test func workersLieFarApart() throws {
    let scratch = try Scratch(ScratchSize(shared: 10, worker: 1000), threads: 2)
    let first = scratch.pointer(worker: 0)
    // 256 KB, where threads were seen not to disturb each other.
    #expect(first - scratch.shared > 1 << 16)
    #expect(scratch.pointer(worker: 1) - (first + 1000) > 1 << 16)
  }
}
