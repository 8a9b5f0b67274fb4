import KernelABI

private let packTiles = Winograd.packTiles

extension KernelSet {
  public func winogradMultiply(
    _ transformed: Input, packStride: Int, packs: Int, groups: Int, filters: Input,
    product: Output, soon: WinogradSoon
  ) {
    let rows = Accumulators.rows
    var prefetch = SoonPrefetch(soon, parts: Winograd.points * packs)
    for point in 0..<Winograd.points {
      let x = transformed + point * packTiles * lanes
      let w = filters + point * groups * lanes * panel
      for pack in 0..<packs {
        prefetch.advance()
        let to = product + (pack * Winograd.points + point) * packTiles * panel
        var tile = 0
        while tile < packTiles {
          multiplyTiles(x + pack * packStride + tile * lanes, groups, w, to + tile * panel)
          tile += rows
        }
      }
    }
  }

  /// As many tiles as there are rows of accumulators.
  @inline(__always)
  private func multiplyTiles(_ x: Input, _ groups: Int, _ filters: Input, _ to: Output) {
    var sums = Accumulators()
    var w = filters
    var p = x
    for _ in 0..<groups {
      for lane in 0..<lanes { sums.add(Accumulators.rows, p + lane, lanes, w + lane * panel) }
      w += lanes * panel
      p += Winograd.points * packTiles * lanes
    }
    sums.write(Accumulators.rows, to)
  }

  public func winogradAccumulate(
    _ x: Input, xStride: Int, groups: Int, dy: Input, dyStride: Int, panels: Int, packs: Int,
    sums: Output, accumulate: Bool, soon: WinogradSoon
  ) {
    // A group of channels as full tiles and a rest: 3 + 3 + 2, or 6 + 6 + 4.
    let rows = Accumulators.rows
    let rest = lanes - 2 * rows
    var prefetch = SoonPrefetch(soon, parts: Winograd.points * panels * groups * 3)
    var to = sums
    for point in 0..<Winograd.points {
      for index in 0..<panels {
        let g = dy + (index * Winograd.points + point) * packTiles * panel
        for group in 0..<groups {
          let from = x + (group * Winograd.points + point) * packTiles * lanes
          prefetch.advance()
          accumulateTiles(rows, from, xStride, g, dyStride, packs, to, accumulate)
          prefetch.advance()
          accumulateTiles(
            rows, from + rows, xStride, g, dyStride, packs, to + rows * panel, accumulate)
          prefetch.advance()
          accumulateTiles(
            rest, from + 2 * rows, xStride, g, dyStride, packs, to + 2 * rows * panel, accumulate)
          to += lanes * panel
        }
      }
    }
  }

  @inline(__always)
  private func accumulateTiles(
    _ rows: Int, _ x: Input, _ xStride: Int, _ dy: Input, _ dyStride: Int, _ packs: Int,
    _ to: Output, _ adds: Bool
  ) {
    var sums = Accumulators()
    if adds { sums.read(rows, to) }
    for pack in 0..<packs {
      let p = x + pack * xStride
      let g = dy + pack * dyStride
      for tile in 0..<packTiles { sums.add(rows, p + tile * lanes, 1, g + tile * panel) }
    }
    sums.write(rows, to)
  }
}
