import Testing

@testable import CifarNN

/// WorkPartition follow each other without gaps, hold whole units and leave nothing out.
@Suite struct WorkPartitionTests {
  @Test(arguments: [0, 1, 5, 6, 7, 100, 256, 1024, 4096], [(1, 1), (1, 4), (6, 4)])
  func coverTheWhole(count: Int, limits: (most: Int, multiple: Int)) {
    let (most, multiple) = limits
    let chunks = WorkPartition(7..<(7 + count), most: most, unit: 6, multiple: multiple)
    #expect(chunks.count % multiple == 0)
    check(chunks, cover: 7..<(7 + count), most: most, unit: 6)
  }

  @Test(arguments: [1, 7, 100, 256, 4096], [1, 3, 8])
  func areAsManyAsAskedFor(count: Int, chunks: Int) {
    let chunks = WorkPartition(0..<count, count: chunks)
    check(chunks, cover: 0..<count, most: (count + chunks.count - 1) / chunks.count, unit: 1)
  }

  private func check(_ chunks: WorkPartition, cover whole: Range<Int>, most: Int, unit: Int) {
    var next = whole.lowerBound
    for index in 0..<chunks.count {
      let chunk = chunks[index]
      #expect(chunk.lowerBound == next)
      #expect((chunk.lowerBound - whole.lowerBound) % unit == 0 || chunk.isEmpty)
      #expect(chunk.count <= most * unit)
      next = chunk.upperBound
    }
    #expect(next == whole.upperBound)
    #expect(chunks[chunks.count].isEmpty)
  }
}
