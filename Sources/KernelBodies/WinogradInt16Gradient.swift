import KernelABI

// D·dy·Dᵀ of two tiles beside each other, as int16.

private let a: Float = 0.707106781  // √½
private let b: Float = 1.414213562  // √2

/// Room for eight columns of two tiles.
private let copyBytes = 32 * lanes * 4

extension KernelSet {
  public func winogradGradientInt16(
    _ tiling: WinogradTiling, _ area: WinogradTiles, scales: Input,
    to transformed: UnsafeMutablePointer<Int16>, pointStride: Int
  ) {
    if tiling.outputTile == FourOutputs.size {
      transformTiles(FourOutputs.self, tiling, area, scales, transformed, pointStride)
    } else {
      transformTiles(TwoOutputs.self, tiling, area, scales, transformed, pointStride)
    }
  }

  @inline(__always)
  private func transformTiles<Tile: OutputTile>(
    _: Tile.Type, _ tiling: WinogradTiling, _ area: WinogradTiles, _ scales: Input,
    _ transformed: UnsafeMutablePointer<Int16>, _ pointStride: Int
  ) {
    let width = tiling.width
    let size = Tile.size
    withUnsafeTemporaryAllocation(byteCount: copyBytes + PointScales.bytes, alignment: 64) {
      bytes in
      let memory = bytes.baseAddress.unsafelyUnwrapped
      let copy = memory.assumingMemoryBound(to: Float.self)
      let points = PointScales(
        memory + copyBytes, bound: { Int16Products.gradientBound($0, outputTile: size) })
      for group in 0..<area.groups.count {
        let plane =
          transformed + group / panelVectors * Winograd.points * pointStride
          + group % panelVectors * 2 * lanes
        var image = -1
        for index in stride(from: 0, to: area.tiles.count, by: 2) {
          let place = TilePlace(tiling, area.tiles.lowerBound + index)
          if place.image != image {
            image = place.image
            points.set(scales[image])
          }
          let (y, x) = (place.row * size, place.column * size)
          let from =
            area.images.floats + area.plane(tiling, place, group) + (y * width + x) * lanes
          let sink = TilePairs(
            to: plane + index * panel, pointStride: pointStride, scales: points)
          if y + size <= tiling.height && x + 2 * size <= width {
            transformPair(Tile.self, from, width * lanes, sink)
          } else {
            let columns = 2 * size
            for i in 0..<(size * columns) {
              let inside = y + i / columns < tiling.height && x + i % columns < width
              let source = from + (i / columns * width + i % columns) * lanes
              store(inside ? load(source) : .zero, copy + i * lanes)
            }
            transformPair(Tile.self, Input(copy), columns * lanes, sink)
          }
        }
      }
    }
  }

  /// Both tiles, in rows that lie `stride` apart.
  @inline(__always)
  private func transformPair<Tile: OutputTile>(
    _: Tile.Type, _ g: Input, _ stride: Int, _ sink: TilePairs
  ) {
    if Tile.size == 4 {
      transformPairOfFour(g, stride, sink)
    } else {
      transformPairOfTwo(g, stride, sink)
    }
  }

  @inline(__always)
  private func transformPairOfTwo(_ g: Input, _ stride: Int, _ sink: TilePairs) {
    let (g0, g1, g2, g3) = (load(g), load(g + lanes), load(g + 2 * lanes), load(g + 3 * lanes))
    let h = g + stride
    let (h0, h1, h2, h3) = (load(h), load(h + lanes), load(h + 2 * lanes), load(h + 3 * lanes))
    /// The row of a point p: g + p·h.
    @inline(__always)
    func row(_ p: Float, _ point: Int) {
      let p = Vector(repeating: p)
      sink.put(
        point, pointsOfTwo(multiplyAdd(h0, p, g0), multiplyAdd(h1, p, g1)),
        pointsOfTwo(multiplyAdd(h2, p, g2), multiplyAdd(h3, p, g3)))
    }
    sink.put(0, pointsOfTwo(g0, g1), pointsOfTwo(g2, g3))
    row(a, 6)
    row(-a, 12)
    row(b, 18)
    row(-b, 24)
    sink.put(30, pointsOfTwo(h0, h1), pointsOfTwo(h2, h3))
  }

  /// D·g along one side, of two values.
  @inline(__always)
  private func pointsOfTwo(_ g0: Vector, _ g1: Vector) -> Six {
    (
      g0,
      multiplyAdd(g1, Vector(repeating: a), g0), multiplyAdd(g1, Vector(repeating: -a), g0),
      multiplyAdd(g1, Vector(repeating: b), g0), multiplyAdd(g1, Vector(repeating: -b), g0),
      g1
    )
  }

  @inline(__always)
  private func transformPairOfFour(_ g: Input, _ stride: Int, _ sink: TilePairs) {
    @inline(__always)
    func outer(_ q: Input, _ point: Int) {
      transformRow(
        load(q), load(q + lanes), load(q + 2 * lanes), load(q + 3 * lanes), load(q + 4 * lanes),
        load(q + 5 * lanes), load(q + 6 * lanes), load(q + 7 * lanes), point, sink)
    }
    /// Rows +p and −p, where `square` is p².
    @inline(__always)
    func pair(_ square: Float, _ p: Float, _ point: Int) {
      @inline(__always)
      func both(_ x: Int) -> (Vector, Vector) {
        let q = g + x * lanes
        let even = multiplyAdd(load(q + 2 * stride), Vector(repeating: square), load(q))
        let odd = multiplyAdd(load(q + 3 * stride), Vector(repeating: square), load(q + stride))
        return (
          multiplyAdd(odd, Vector(repeating: p), even),
          multiplyAdd(odd, Vector(repeating: -p), even)
        )
      }
      let (p0, m0) = both(0)
      let (p1, m1) = both(1)
      let (p2, m2) = both(2)
      let (p3, m3) = both(3)
      let (p4, m4) = both(4)
      let (p5, m5) = both(5)
      let (p6, m6) = both(6)
      let (p7, m7) = both(7)
      transformRow(p0, p1, p2, p3, p4, p5, p6, p7, point, sink)
      transformRow(m0, m1, m2, m3, m4, m5, m6, m7, point + 6, sink)
    }
    outer(g, 0)
    pair(0.5, a, 6)
    pair(2, b, 18)
    outer(g + 3 * stride, 30)
  }

  @inline(__always)
  private func transformRow(
    _ g0: Vector, _ g1: Vector, _ g2: Vector, _ g3: Vector, _ g4: Vector, _ g5: Vector,
    _ g6: Vector, _ g7: Vector, _ point: Int, _ sink: TilePairs
  ) {
    sink.put(point, gradientPoints(g0, g1, g2, g3), gradientPoints(g4, g5, g6, g7))
  }

  /// D·g along one side.
  @inline(__always)
  private func gradientPoints(_ g0: Vector, _ g1: Vector, _ g2: Vector, _ g3: Vector) -> Six {
    let evenA = multiplyAdd(g2, Vector(repeating: 0.5), g0)
    let oddA = multiplyAdd(g3, Vector(repeating: 0.5), g1)
    let evenB = multiplyAdd(g2, Vector(repeating: 2), g0)
    let oddB = multiplyAdd(g3, Vector(repeating: 2), g1)
    return (
      g0,
      multiplyAdd(oddA, Vector(repeating: a), evenA),
      multiplyAdd(oddA, Vector(repeating: -a), evenA),
      multiplyAdd(oddB, Vector(repeating: b), evenB),
      multiplyAdd(oddB, Vector(repeating: -b), evenB),
      g3
    )
  }
}
