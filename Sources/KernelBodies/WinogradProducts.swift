import KernelABI

private let packTiles = Winograd.packTiles

extension KernelSet {
  public func winogradMultiply(
    _ transformed: Input, packStride: Int, tiles: Int, groups: Int, filters: Input,
    product: Output, prefetch: PrefetchRanges
  ) {
    let packs = blocks(tiles, of: packTiles)
    var prefetch = Prefetch(prefetch, parts: Winograd.points * packs)
    for point in 0..<Winograd.points {
      let x = transformed + point * packTiles * lanes
      let w = filters + point * groups * lanes * panel
      for pack in 0..<packs {
        prefetch.advance()
        let to = product + (pack * Winograd.points + point) * packTiles * panel
        multiplyPack(
          x + pack * packStride, min(packTiles, tiles - pack * packTiles), groups, w, to)
      }
    }
  }

  /// The tiles of one pack; of a pack that is not full, no more than an even number that holds
  /// them.
  @inline(__always)
  private func multiplyPack(
    _ x: Input, _ tiles: Int, _ groups: Int, _ filters: Input, _ to: Output
  ) {
    let rows = Accumulators.rows
    var tile = 0
    while tile < tiles {
      let from = x + tile * lanes
      let sums = to + tile * panel
      if tiles - tile <= 2 {
        multiplyTiles(2, from, groups, filters, sums)
      } else if tiles - tile <= 4 {
        multiplyTiles(4, from, groups, filters, sums)
      } else {
        multiplyTiles(rows, from, groups, filters, sums)
      }
      tile += rows
    }
  }

  /// As many tiles as `rows` of accumulators.
  @inline(__always)
  private func multiplyTiles(
    _ rows: Int, _ x: Input, _ groups: Int, _ filters: Input, _ to: Output
  ) {
    var sums = Accumulators()
    var w = filters
    var p = x
    for _ in 0..<groups {
      for lane in 0..<lanes { sums.add(rows, p + lane, lanes, w + lane * panel) }
      w += lanes * panel
      p += Winograd.points * packTiles * lanes
    }
    sums.write(rows, to)
  }

  public func winogradAccumulate(
    _ x: Input, xStride: Int, groups: Int, dy: Input, dyStride: Int, panels: Int, tiles: Int,
    sums: Output, accumulate: Bool, prefetch: PrefetchRanges
  ) {
    // A group of channels as 6 + 6 + 4 rows, or as 4 + 4: four rows are eight sums, enough to keep
    // two units busy.
    let rows = lanes == 16 ? 6 : 4
    let rest = lanes - 2 * rows
    var prefetch = Prefetch(prefetch, parts: Winograd.points * panels * groups * 3)
    let pointStride = Winograd.sumStride(lanes: lanes, panel: panel)
    for point in 0..<Winograd.points {
      for index in 0..<panels {
        let g = dy + (index * Winograd.points + point) * packTiles * panel
        for group in 0..<groups {
          let from = x + (group * Winograd.points + point) * packTiles * lanes
          let to = sums + ((index * groups + group) * Winograd.points + point) * pointStride
          prefetch.advance()
          accumulateTiles(rows, from, xStride, g, dyStride, tiles, to, accumulate)
          prefetch.advance()
          accumulateTiles(
            rows, from + rows, xStride, g, dyStride, tiles, to + rows * panel, accumulate)
          prefetch.advance()
          if rest > 0 {
            accumulateTiles(
              rest, from + 2 * rows, xStride, g, dyStride, tiles, to + 2 * rows * panel, accumulate)
          }
        }
      }
    }
  }

  @inline(__always)
  private func accumulateTiles(
    _ rows: Int, _ x: Input, _ xStride: Int, _ dy: Input, _ dyStride: Int, _ tiles: Int,
    _ to: Output, _ adds: Bool
  ) {
    var sums = Accumulators()
    if adds { sums.read(rows, to) }
    let packs = tiles / packTiles
    for pack in 0..<packs {
      let p = x + pack * xStride
      let g = dy + pack * dyStride
      for tile in 0..<packTiles { sums.add(rows, p + tile * lanes, 1, g + tile * panel) }
    }
    for tile in 0..<(tiles - packs * packTiles) {
      sums.add(
        rows, x + packs * xStride + tile * lanes, 1, dy + packs * dyStride + tile * panel)
    }
    sums.write(rows, to)
  }
}
