import KernelABI

// D·dy·Dᵀ: tiles of the output's gradient into the transformed space, with the points of
// WinogradInput.

private let a: Float = 0.707106781  // √½
private let b: Float = 1.414213562  // √2

private let packTiles = Winograd.packTiles
/// Floats from one point of a tile to the next in a pack of a panel.
private let panelStep = packTiles * panel

extension KernelSet {
  public func winogradGradient(
    _ tiling: WinogradTiling, _ area: WinogradTiles, to transformed: Output, packStride: Int
  ) {
    if tiling.outputTile == FourOutputs.size {
      transformTiles(FourOutputs.self, tiling, area, to: transformed, packStride)
    } else {
      transformTiles(TwoOutputs.self, tiling, area, to: transformed, packStride)
    }
  }

  @inline(__always)
  private func transformTiles<Tile: OutputTile>(
    _: Tile.Type, _ tiling: WinogradTiling, _ area: WinogradTiles, to transformed: Output,
    _ packStride: Int
  ) {
    let groups = area.groups.count
    let count = area.tiles.count
    withUnsafeTemporaryAllocation(byteCount: 16 * lanes * 4, alignment: 64) { bytes in
      let tile = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for pack in 0..<blocks(count, of: packTiles) {
        for group in 0..<groups {
          let to =
            transformed + pack * packStride + group / panelVectors * Winograd.points * panelStep
            + group % panelVectors * lanes
          for index in 0..<min(packTiles, count - pack * packTiles) {
            let place = TilePlace(tiling, area.tiles.lowerBound + pack * packTiles + index)
            let size = Tile.size
            let y = place.row * size
            let x = place.column * size
            let plane = area.images.floats + area.plane(tiling, place, group)
            let from = plane + (y * tiling.width + x) * lanes
            if y + size <= tiling.height && x + size <= tiling.width {
              transformGradient(Tile.self, from, tiling.width * lanes, to + index * panel)
            } else {
              for i in 0..<(size * size) {
                let inside = y + i / size < tiling.height && x + i % size < tiling.width
                let source = from + (i / size * tiling.width + i % size) * lanes
                store(inside ? load(source) : .zero, tile + i * lanes)
              }
              transformGradient(Tile.self, tile, size * lanes, to + index * panel)
            }
          }
        }
      }
    }
  }

  /// One tile.
  @inline(__always)
  private func transformGradient<Tile: OutputTile>(
    _: Tile.Type, _ g: Input, _ stride: Int, _ to: Output
  ) {
    if Tile.size == 4 { transformFour(g, stride, to) } else { transformTwo(g, stride, to) }
  }

  @inline(__always)
  private func transformTwo(_ g: Input, _ stride: Int, _ to: Output) {
    let (g0, g1) = (load(g), load(g + lanes))
    let (h0, h1) = (load(g + stride), load(g + stride + lanes))
    @inline(__always)
    func pair(_ point: Float, _ to: Output) {
      let (p0, p1) = (h0 * Vector(repeating: point), h1 * Vector(repeating: point))
      rowOfTwo(g0 + p0, g1 + p1, to)
      rowOfTwo(g0 - p0, g1 - p1, to + 6 * panelStep)
    }
    rowOfTwo(g0, g1, to)
    pair(a, to + 6 * panelStep)
    pair(b, to + 18 * panelStep)
    rowOfTwo(h0, h1, to + 30 * panelStep)
  }

  /// D·g along one side, of two values.
  @inline(__always)
  private func rowOfTwo(_ g0: Vector, _ g1: Vector, _ to: Output) {
    store(g0, to)
    storePlusMinus(g0, g1, a, to + panelStep, panelStep)
    storePlusMinus(g0, g1, b, to + 3 * panelStep, panelStep)
    store(g1, to + 5 * panelStep)
  }

  @inline(__always)
  private func transformFour(_ g: Input, _ stride: Int, _ to: Output) {
    gradientRow(
      load(g), load(g + lanes), load(g + 2 * lanes), load(g + 3 * lanes), to)
    let last = g + 3 * stride
    gradientRow(
      load(last), load(last + lanes), load(last + 2 * lanes), load(last + 3 * lanes),
      to + 30 * panelStep)
    gradientPair(g, stride, square: 0.5, point: a, to + 6 * panelStep)
    gradientPair(g, stride, square: 2, point: b, to + 18 * panelStep)
  }

  /// Rows +p and −p, where `square` is p².
  @inline(__always)
  private func gradientPair(
    _ g: Input, _ stride: Int, square: Float, point: Float, _ to: Output
  ) {
    @inline(__always)
    func both(_ x: Int) -> (Vector, Vector) {
      let q = g + x * lanes
      let even = multiplyAdd(load(q + 2 * stride), Vector(repeating: square), load(q))
      let odd = multiplyAdd(load(q + 3 * stride), Vector(repeating: square), load(q + stride))
      let scaled = odd * Vector(repeating: point)
      return (even + scaled, even - scaled)
    }
    let (p0, m0) = both(0)
    let (p1, m1) = both(1)
    let (p2, m2) = both(2)
    let (p3, m3) = both(3)
    gradientRow(p0, p1, p2, p3, to)
    gradientRow(m0, m1, m2, m3, to + 6 * panelStep)
  }

  /// D·g along one side, to six points.
  @inline(__always)
  private func gradientRow(
    _ g0: Vector, _ g1: Vector, _ g2: Vector, _ g3: Vector, _ to: Output
  ) {
    store(g0, to)
    storePlusMinus(
      multiplyAdd(g2, Vector(repeating: 0.5), g0), multiplyAdd(g3, Vector(repeating: 0.5), g1), a,
      to + panelStep, panelStep)
    storePlusMinus(
      multiplyAdd(g2, Vector(repeating: 2), g0), multiplyAdd(g3, Vector(repeating: 2), g1), b,
      to + 3 * panelStep, panelStep)
    store(g3, to + 5 * panelStep)
  }
}
