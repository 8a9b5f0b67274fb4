import KernelABI

private let packTiles = Winograd.packTiles

extension KernelSet {
  public func winogradMultiply(
    _ transformed: Input, packStride: Int, packs: Int, groups: Int, filters: Input,
    product: Output
  ) {
    let rows = Accumulators.rows
    for point in 0..<Winograd.points {
      let x = transformed + point * packTiles * lanes
      let w = filters + point * groups * lanes * panel
      for pack in 0..<packs {
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
    point: Int, x: Input, xStride: Int, groups: Int, dy: Input, dyStride: Int, panels: Int,
    packs: Int, sum: Output, accumulate: Bool
  ) {
    // A group of channels as full tiles and a rest: 3 + 3 + 2, or 6 + 6 + 4.
    let rows = Accumulators.rows
    let rest = lanes - 2 * rows
    for index in 0..<panels {
      let g = dy + (index * Winograd.points + point) * packTiles * panel
      for group in 0..<groups {
        let from = x + (group * Winograd.points + point) * packTiles * lanes
        let to = sum + (index * groups + group) * lanes * panel
        accumulateTiles(rows, from, xStride, g, dyStride, packs, to, accumulate)
        accumulateTiles(
          rows, from + rows, xStride, g, dyStride, packs, to + rows * panel, accumulate)
        accumulateTiles(
          rest, from + 2 * rows, xStride, g, dyStride, packs, to + 2 * rows * panel, accumulate)
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
