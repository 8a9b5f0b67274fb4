import Kernels

/// Packs of Winograd tiles cut into blocks that are as equal as whole packs allow.
struct TileBlocks {
  /// Tiles in the whole batch; the last pack may not be full.
  private let tiles: Int
  private let packs: Range<Int>
  let count: Int

  /// The tiles of a batch in `count` blocks.
  init(tiles: Int, count: Int) {
    self.tiles = tiles
    packs = 0..<blocks(tiles, of: Winograd.packTiles)
    self.count = count
  }

  /// The tiles of a batch in blocks of at most `size` packs, and so many that up to four threads
  /// share them equally.
  init(tiles: Int, size: Int) {
    let packs = blocks(tiles, of: Winograd.packTiles)
    self.init(tiles: tiles, count: blocks(packs, of: 4 * size) * 4)
  }

  /// One block in blocks of at most `size` packs.
  init(_ block: Int, of whole: TileBlocks, size: Int) {
    tiles = whole.tiles
    packs = whole.packs(of: block)
    count = blocks(packs.count, of: size)
  }

  /// The tiles of a block; none if there is no such block.
  subscript(index: Int) -> Range<Int> {
    let packs = packs(of: index)
    func tile(_ pack: Int) -> Int { min(tiles, pack * Winograd.packTiles) }
    return tile(packs.lowerBound)..<tile(packs.upperBound)
  }

  private func packs(of index: Int) -> Range<Int> {
    func pack(_ index: Int) -> Int {
      packs.lowerBound + packs.count * min(index, count) / max(1, count)
    }
    return pack(index)..<pack(index + 1)
  }
}
