import KernelABI

/// Asks for the cache lines of what a caller will need soon, bit by bit.
struct SoonPrefetch {
  private var first: TilePrefetch
  private var second: TilePrefetch
  private let parts: Int
  private var part = 0

  /// - Parameter parts: how often `advance` will be called.
  @inline(__always)
  init(_ soon: WinogradSoon, parts: Int) {
    first = TilePrefetch(soon.tiling, soon.first)
    second = TilePrefetch(soon.tiling, soon.second)
    self.parts = parts
  }

  @inline(__always)
  mutating func advance() {
    part += 1
    first.advance(part: part, of: parts)
    second.advance(part: part, of: parts)
  }
}

/// The same for one area. A step is a row of a tile.
private struct TilePrefetch {
  private let tiling: WinogradTiling
  private let area: WinogradTiles?
  /// Rows of tiles in all, and how many of them have been asked for.
  private let rows: Int
  private var asked = 0
  /// The first pixel of the tile that is being asked for.
  private var corner: UnsafeRawPointer?

  @inline(__always)
  init(_ tiling: WinogradTiling, _ area: WinogradTiles?) {
    self.tiling = tiling
    self.area = area
    rows = area.map { $0.tiles.count * $0.groups.count * Winograd.outputTile } ?? 0
  }

  @inline(__always)
  mutating func advance(part: Int, of parts: Int) {
    guard let area else { return }
    let goal = rows * part / parts
    while asked < goal {
      let row = asked % Winograd.outputTile
      if row == 0 { corner = start(of: asked / Winograd.outputTile, in: area) }
      guard let corner else { return }
      let pixel = lanes * area.images.storage.bytes
      let from = corner + row * tiling.width * pixel
      for line in 0..<(Winograd.outputTile * pixel / 64) { prefetchFar(from + line * 64) }
      asked += 1
    }
  }

  /// Tiles of a group come one after the other, group after group.
  @inline(__always)
  private func start(of number: Int, in area: WinogradTiles) -> UnsafeRawPointer {
    let (group, tile) = number.quotientAndRemainder(dividingBy: area.tiles.count)
    let place = TilePlace(tiling, area.tiles.lowerBound + tile)
    let pixel = place.row * Winograd.outputTile * tiling.width + place.column * Winograd.outputTile
    let values = area.images + (area.plane(tiling, place, group) + pixel * lanes)
    return UnsafeRawPointer(values.base)
  }
}
