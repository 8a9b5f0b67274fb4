import KernelABI

// The transforms of F(4×4, 3×3) with the points 0, ±√½, ±√2, ∞, a lane a channel. Each is the same
// one-dimensional transform along columns and then along rows. To keep values in registers, rows
// are made in pairs that share their parts, columns are transformed on the way into a pair.

private let a: Float = 0.707106781  // √½
private let b: Float = 1.414213562  // √2

/// Six values along one side of a tile.
typealias Six = (Vector, Vector, Vector, Vector, Vector, Vector)

extension KernelSet {
  // MARK: Bᵀ·d·B

  public func winogradInput(
    _ tiling: WinogradTiling, _ images: Input, groups: Int, first: Int, count: Int,
    to transformed: Output, planeStride: Int, capacity: Int, slot: Int
  ) {
    withUnsafeTemporaryAllocation(
      byteCount: Winograd.points * lanes * 4, alignment: 64
    ) { bytes in
      let framed = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for index in 0..<count {
        let place = TilePlace(tiling, first + index)
        let top = place.row * 4 - 1
        let left = place.column * 4 - 1
        let inside =
          top >= 0 && left >= 0 && top + 6 <= tiling.height && left + 6 <= tiling.width
        for group in 0..<groups {
          let plane =
            images + (place.image * groups + group) * tiling.height * tiling.width * lanes
          let to = transformed + (group * capacity + slot + index) * lanes
          if inside {
            transformInput(
              plane + (top * tiling.width + left) * lanes, tiling.width * lanes, to, planeStride)
          } else {
            frame(tiling, plane, top, left, framed)
            transformInput(framed, 6 * lanes, to, planeStride)
          }
        }
      }
    }
  }

  /// Copies a tile that hangs over the edge, with zeros where there is no image.
  @inline(__always)
  private func frame(
    _ tiling: WinogradTiling, _ plane: Input, _ top: Int, _ left: Int, _ tile: Output
  ) {
    let firstColumn = max(0, -left)
    let lastColumn = min(6, tiling.width - left)
    for y in 0..<6 {
      let row = tile + y * 6 * lanes
      let source = top + y
      let inside = source >= 0 && source < tiling.height
      let from = plane + (source * tiling.width + left) * lanes
      let columns = inside ? firstColumn..<lastColumn : 0..<0
      for x in 0..<columns.lowerBound { store(.zero, row + x * lanes) }
      for x in columns { store(load(from + x * lanes), row + x * lanes) }
      for x in columns.upperBound..<6 { store(.zero, row + x * lanes) }
    }
  }

  /// One tile: `d` with rows `stride` floats apart, to 36 points `planeStride` apart.
  @inline(__always)
  private func transformInput(_ d: Input, _ stride: Int, _ to: Output, _ planeStride: Int) {
    // Rows 0 and 5 use the even and the odd rows of the tile.
    @inline(__always)
    func ends(_ from: Input, _ x: Int) -> Vector {
      let p = from + x * lanes
      return multiplyAdd(load(p + 2 * stride), Vector(repeating: -2.5), load(p))
        + load(p + 4 * stride)
    }
    let row0: Six = (
      ends(d, 0), ends(d, 1), ends(d, 2), ends(d, 3), ends(d, 4), ends(d, 5)
    )
    inputRow(row0, to, planeStride)
    let odd = d + stride
    let row5: Six = (
      ends(odd, 0), ends(odd, 1), ends(odd, 2), ends(odd, 3), ends(odd, 4), ends(odd, 5)
    )
    inputRow(row5, to + 30 * planeStride, planeStride)
    inputPair(d, stride, square: 2, point: a, to + 6 * planeStride, planeStride)
    inputPair(d, stride, square: 0.5, point: b, to + 18 * planeStride, planeStride)
  }

  /// Rows +p and −p, where `square` is the square of the other point.
  @inline(__always)
  private func inputPair(
    _ d: Input, _ stride: Int, square: Float, point: Float, _ to: Output, _ planeStride: Int
  ) {
    @inline(__always)
    func both(_ x: Int) -> (Vector, Vector) {
      let q = d + x * lanes
      let even = multiplyAdd(load(q + 2 * stride), Vector(repeating: -square), load(q + 4 * stride))
      let odd = multiplyAdd(load(q + stride), Vector(repeating: -square), load(q + 3 * stride))
      return plusMinus(even, odd, point)
    }
    let (p0, m0) = both(0)
    let (p1, m1) = both(1)
    let (p2, m2) = both(2)
    let (p3, m3) = both(3)
    let (p4, m4) = both(4)
    let (p5, m5) = both(5)
    inputRow((p0, p1, p2, p3, p4, p5), to, planeStride)
    inputRow((m0, m1, m2, m3, m4, m5), to + 6 * planeStride, planeStride)
  }

  /// The one-dimensional transform of six values, stored at six points.
  @inline(__always)
  private func inputRow(_ d: Six, _ to: Output, _ planeStride: Int) {
    store(multiplyAdd(d.2, Vector(repeating: -2.5), d.0) + d.4, to)
    let (pa, ma) = plusMinus(
      multiplyAdd(d.2, Vector(repeating: -2), d.4), multiplyAdd(d.1, Vector(repeating: -2), d.3), a)
    store(pa, to + planeStride)
    store(ma, to + 2 * planeStride)
    let (pb, mb) = plusMinus(
      multiplyAdd(d.2, Vector(repeating: -0.5), d.4),
      multiplyAdd(d.1, Vector(repeating: -0.5), d.3), b)
    store(pb, to + 3 * planeStride)
    store(mb, to + 4 * planeStride)
    store(multiplyAdd(d.3, Vector(repeating: -2.5), d.1) + d.5, to + 5 * planeStride)
  }

  /// even + point·odd and even − point·odd.
  @inline(__always)
  private func plusMinus(_ even: Vector, _ odd: Vector, _ point: Float) -> (Vector, Vector) {
    (
      multiplyAdd(odd, Vector(repeating: point), even),
      multiplyAdd(odd, Vector(repeating: -point), even)
    )
  }

  // MARK: Aᵀ·m·A

  public func winogradOutput(
    _ tiling: WinogradTiling, _ product: Input, productStride: Int, first: Int, count: Int,
    bias: Input?, to images: Output, groups: Int, panel: Int
  ) {
    withUnsafeTemporaryAllocation(byteCount: 16 * lanes * 4, alignment: 64) { bytes in
      let tile = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for group in (panel * 4)..<min(groups, panel * 4 + 4) {
        let from = product + (group - panel * 4) * lanes
        let shift = bias.map { load($0 + group * lanes) } ?? .zero
        for index in 0..<count {
          let place = TilePlace(tiling, first + index)
          let y = place.row * 4
          let x = place.column * 4
          let plane =
            images + (place.image * groups + group) * tiling.height * tiling.width * lanes
          let to = plane + (y * tiling.width + x) * lanes
          let m = from + index * 4 * lanes
          if y + 4 <= tiling.height && x + 4 <= tiling.width {
            transformOutput(m, productStride, shift, to, tiling.width * lanes)
          } else {
            transformOutput(m, productStride, shift, tile, 4 * lanes)
            for row in 0..<min(4, tiling.height - y) {
              for column in 0..<min(4, tiling.width - x) {
                store(
                  load(tile + (row * 4 + column) * lanes),
                  to + (row * tiling.width + column) * lanes)
              }
            }
          }
        }
      }
    }
  }

  /// One tile: 36 points `planeStride` apart to 4×4 values in rows `stride` apart.
  @inline(__always)
  private func transformOutput(
    _ m: Input, _ planeStride: Int, _ bias: Vector, _ to: Output, _ stride: Int
  ) {
    // Rows 0 and 2 are made of the sums over ±p, rows 1 and 3 of the differences.
    @inline(__always)
    func sums(_ x: Int) -> (Vector, Vector) {
      let p = m + x * planeStride
      let sa = load(p + 6 * planeStride) + load(p + 12 * planeStride)
      let sb = load(p + 18 * planeStride) + load(p + 24 * planeStride)
      return (
        load(p) + sa + sb,
        multiplyAdd(sa, Vector(repeating: 0.5), sb * Vector(repeating: 2))
      )
    }
    let (e0, g0) = sums(0)
    let (e1, g1) = sums(1)
    let (e2, g2) = sums(2)
    let (e3, g3) = sums(3)
    let (e4, g4) = sums(4)
    let (e5, g5) = sums(5)
    outputRow((e0, e1, e2, e3, e4, e5), bias, to)
    outputRow((g0, g1, g2, g3, g4, g5), bias, to + 2 * stride)
    @inline(__always)
    func differences(_ x: Int) -> (Vector, Vector) {
      let p = m + x * planeStride
      let da = load(p + 6 * planeStride) - load(p + 12 * planeStride)
      let db = load(p + 18 * planeStride) - load(p + 24 * planeStride)
      return oddParts(da, db, load(p + 30 * planeStride))
    }
    let (f0, h0) = differences(0)
    let (f1, h1) = differences(1)
    let (f2, h2) = differences(2)
    let (f3, h3) = differences(3)
    let (f4, h4) = differences(4)
    let (f5, h5) = differences(5)
    outputRow((f0, f1, f2, f3, f4, f5), bias, to + stride)
    outputRow((h0, h1, h2, h3, h4, h5), bias, to + 3 * stride)
  }

  @inline(__always)
  private func outputRow(_ m: Six, _ bias: Vector, _ to: Output) {
    let sa = m.1 + m.2
    let sb = m.3 + m.4
    store(m.0 + sa + sb + bias, to)
    store(
      multiplyAdd(sa, Vector(repeating: 0.5), multiplyAdd(sb, Vector(repeating: 2), bias)),
      to + 2 * lanes)
    let (first, third) = oddParts(m.1 - m.2, m.3 - m.4, m.5)
    store(first + bias, to + lanes)
    store(third + bias, to + 3 * lanes)
  }

  /// a·da + b·db and a³·da + b³·db + m5.
  @inline(__always)
  private func oddParts(_ da: Vector, _ db: Vector, _ m5: Vector) -> (Vector, Vector) {
    (
      multiplyAdd(da, Vector(repeating: a), db * Vector(repeating: b)),
      multiplyAdd(
        da, Vector(repeating: a / 2), multiplyAdd(db, Vector(repeating: b * 2), m5))
    )
  }

  // MARK: D·dy·Dᵀ

  public func winogradGradient(
    _ tiling: WinogradTiling, _ gradients: Input, groups: Int, first: Int, count: Int,
    to transformed: Output, planeStride: Int, capacity: Int, slot: Int
  ) {
    withUnsafeTemporaryAllocation(byteCount: 16 * lanes * 4, alignment: 64) { bytes in
      let tile = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for index in 0..<count {
        let place = TilePlace(tiling, first + index)
        let y = place.row * 4
        let x = place.column * 4
        for group in 0..<groups {
          let plane =
            gradients + (place.image * groups + group) * tiling.height * tiling.width * lanes
          let from = plane + (y * tiling.width + x) * lanes
          let to =
            transformed
            + ((group / 4 * capacity + slot + index) * 4 + group % 4) * lanes
          if y + 4 <= tiling.height && x + 4 <= tiling.width {
            transformGradient(from, tiling.width * lanes, to, planeStride)
          } else {
            for i in 0..<16 {
              let inside = y + i / 4 < tiling.height && x + i % 4 < tiling.width
              let source = from + (i / 4 * tiling.width + i % 4) * lanes
              store(inside ? load(source) : .zero, tile + i * lanes)
            }
            transformGradient(tile, 4 * lanes, to, planeStride)
          }
        }
      }
    }
  }

  @inline(__always)
  private func transformGradient(_ g: Input, _ stride: Int, _ to: Output, _ planeStride: Int) {
    gradientRow(
      load(g), load(g + lanes), load(g + 2 * lanes), load(g + 3 * lanes), to, planeStride)
    let last = g + 3 * stride
    gradientRow(
      load(last), load(last + lanes), load(last + 2 * lanes), load(last + 3 * lanes),
      to + 30 * planeStride, planeStride)
    gradientPair(g, stride, square: 0.5, point: a, to + 6 * planeStride, planeStride)
    gradientPair(g, stride, square: 2, point: b, to + 18 * planeStride, planeStride)
  }

  /// Rows +p and −p, where `square` is p².
  @inline(__always)
  private func gradientPair(
    _ g: Input, _ stride: Int, square: Float, point: Float, _ to: Output, _ planeStride: Int
  ) {
    @inline(__always)
    func both(_ x: Int) -> (Vector, Vector) {
      let q = g + x * lanes
      let even = multiplyAdd(load(q + 2 * stride), Vector(repeating: square), load(q))
      let odd = multiplyAdd(load(q + 3 * stride), Vector(repeating: square), load(q + stride))
      return plusMinus(even, odd, point)
    }
    let (p0, m0) = both(0)
    let (p1, m1) = both(1)
    let (p2, m2) = both(2)
    let (p3, m3) = both(3)
    gradientRow(p0, p1, p2, p3, to, planeStride)
    gradientRow(m0, m1, m2, m3, to + 6 * planeStride, planeStride)
  }

  @inline(__always)
  private func gradientRow(
    _ g0: Vector, _ g1: Vector, _ g2: Vector, _ g3: Vector, _ to: Output, _ planeStride: Int
  ) {
    store(g0, to)
    let (pa, ma) = plusMinus(
      multiplyAdd(g2, Vector(repeating: 0.5), g0), multiplyAdd(g3, Vector(repeating: 0.5), g1), a)
    store(pa, to + planeStride)
    store(ma, to + 2 * planeStride)
    let (pb, mb) = plusMinus(
      multiplyAdd(g2, Vector(repeating: 2), g0), multiplyAdd(g3, Vector(repeating: 2), g1), b)
    store(pb, to + 3 * planeStride)
    store(mb, to + 4 * planeStride)
    store(g3, to + 5 * planeStride)
  }
}

/// Which tile of which image a tile's number means.
struct TilePlace {
  let image: Int
  let row: Int
  let column: Int

  @inline(__always)
  init(_ tiling: WinogradTiling, _ tile: Int) {
    let lines = tile / tiling.columns
    column = tile - lines * tiling.columns
    image = lines / tiling.rows
    row = lines - image * tiling.rows
  }
}
