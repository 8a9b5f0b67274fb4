import Kernels
import Testing

@testable import CifarNN

@Suite struct FewTilesTests {
  /// Every tile meets every panel once, no chunk has more packs than a block has room for, and where
  /// there is enough to share, no thread is left without a chunk.
  @Test(arguments: [1, 4, 16, 64, 70, 100, 640], [1, 2, 4, 8, 16])
  func coverAllProducts(tiles: Int, panels: Int) {
    for threads in [1, 2, 3, 8, 64] {
      let chunks = FewTiles(5..<(5 + tiles), panels: panels, threads: threads)
      var products = [Int](repeating: 0, count: tiles * panels)
      for index in 0..<chunks.count {
        let chunk = chunks[index]
        #expect(chunk.tiles.count <= WinogradBlocking.packs * Winograd.packTiles)
        for tile in chunk.tiles {
          for panel in chunk.panels { products[(tile - 5) * panels + panel] += 1 }
        }
      }
      #expect(products.allSatisfy { $0 == 1 })
      let packs = (tiles + Winograd.packTiles - 1) / Winograd.packTiles
      if packs * panels >= 4 * threads { #expect(chunks.count >= threads) }
    }
  }

  /// The last layers of one image have one pack of tiles and four panels.
  @Test func sharesPanelsWhereTilesAreFew() {
    let chunks = FewTiles(0..<4, panels: 4, threads: 2)
    #expect(chunks.count == 2)
    #expect(chunks[0].tiles == 0..<4 && chunks[0].panels == 0..<2)
    #expect(chunks[1].tiles == 0..<4 && chunks[1].panels == 2..<4)
  }
}
