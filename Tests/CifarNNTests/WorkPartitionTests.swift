import Testing

@testable import CifarNN

/// WorkPartition follow each other without gaps, hold whole units and leave nothing out.
@Suite struct WorkPartitionTests {
  @Test(arguments: [0, 1, 5, 6, 7, 100, 256, 1024, 4096], [(1, 1), (1, 4), (6, 4)])
  func coverTheWhole(count: Int, limits: (most: Int, multiple: Int)) {
    let (most, multiple) = limits
    let pieces = WorkPartition(7..<(7 + count), most: most, unit: 6, multiple: multiple)
    #expect(pieces.count % multiple == 0)
    check(pieces, cover: 7..<(7 + count), most: most, unit: 6)
  }

  @Test(arguments: [1, 7, 100, 256, 4096], [1, 3, 8])
  func areAsManyAsAskedFor(count: Int, pieces: Int) {
    let pieces = WorkPartition(0..<count, count: pieces)
    check(pieces, cover: 0..<count, most: (count + pieces.count - 1) / pieces.count, unit: 1)
  }

  private func check(_ pieces: WorkPartition, cover whole: Range<Int>, most: Int, unit: Int) {
    var next = whole.lowerBound
    for index in 0..<pieces.count {
      let piece = pieces[index]
      #expect(piece.lowerBound == next)
      #expect((piece.lowerBound - whole.lowerBound) % unit == 0 || piece.isEmpty)
      #expect(piece.count <= most * unit)
      next = piece.upperBound
    }
    #expect(next == whole.upperBound)
    #expect(pieces[pieces.count].isEmpty)
  }
}
