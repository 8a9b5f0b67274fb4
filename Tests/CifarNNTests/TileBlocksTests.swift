import Testing

@testable import CifarNN

/// Blocks follow each other without gaps, hold whole packs and leave no tile out.
@Suite struct TileBlocksTests {
  @Test(arguments: [1, 5, 6, 7, 100, 256, 1024, 4096], [1, 6])
  func coverAllTiles(tiles: Int, size: Int) {
    let blocks = TileBlocks(tiles: tiles, size: size)
    check((0..<blocks.count).map { blocks[$0] }, cover: 0..<tiles, size: size)
    #expect(blocks.count % 4 == 0)
    #expect(blocks[blocks.count].isEmpty)
  }

  @Test(arguments: [1, 7, 100, 256, 4096], [1, 3, 8])
  func coverEachRun(tiles: Int, count: Int) {
    let runs = TileBlocks(tiles: tiles, count: count)
    check((0..<count).map { runs[$0] }, cover: 0..<tiles, size: tiles)
    for run in 0..<count {
      let blocks = TileBlocks(run, of: runs, size: 5)
      check((0..<blocks.count).map { blocks[$0] }, cover: runs[run], size: 5)
    }
  }

  private func check(_ blocks: [Range<Int>], cover tiles: Range<Int>, size: Int) {
    var next = tiles.lowerBound
    for block in blocks {
      #expect(block.lowerBound == next)
      #expect(block.lowerBound % 6 == 0 || block.isEmpty)
      #expect(block.count <= 6 * size)
      next = block.upperBound
    }
    #expect(next == tiles.upperBound)
  }
}
