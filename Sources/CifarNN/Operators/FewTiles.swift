import Kernels

/// The tiles of few images and the panels of their products, cut into a chunk a thread or more: some
/// of the tiles times some of the panels. Each chunk transforms its own tiles and reads the filters of
/// its panels.
struct FewTiles {
  private let tiles: WorkPartition
  private let panels: WorkPartition

  /// - Parameter threads: how many chunks there should be at least, if there is so much to share.
  init(_ tiles: Range<Int>, panels: Int, threads: Int) {
    let packs = blocks(tiles.count, of: Winograd.packTiles)
    /// What a chunk costs, in products of a pack with a panel: to transform a pack takes about as
    /// long, and so does reading the filters of a panel.
    func cost(panelParts: Int) -> (parts: Int, cost: Int) {
      let most = blocks(packs, of: WinogradBlocking.packs)
      let parts = max(most, min(packs, blocks(threads, of: panelParts)))
      let chunkPanels = blocks(panels, of: panelParts)
      // What is more than a chunk a thread waits for its turn.
      let turns = blocks(parts * panelParts, of: threads)
      return (parts, turns * (blocks(packs, of: parts) * (1 + chunkPanels) + chunkPanels))
    }
    let parts = (1...max(1, min(panels, threads))).min {
      cost(panelParts: $0).cost < cost(panelParts: $1).cost
    }
    let panelParts = parts ?? 1
    self.tiles = WorkPartition(
      tiles, count: cost(panelParts: panelParts).parts, unit: Winograd.packTiles)
    self.panels = WorkPartition(0..<panels, count: panelParts)
  }

  var count: Int { tiles.count * panels.count }

  subscript(index: Int) -> (tiles: Range<Int>, panels: Range<Int>) {
    let (part, tilesPart) = index.quotientAndRemainder(dividingBy: tiles.count)
    return (tiles[tilesPart], panels[part])
  }
}
