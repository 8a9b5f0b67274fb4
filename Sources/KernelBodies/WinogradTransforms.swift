import KernelABI

// The transforms of F(4×4, 3×3) with the points 0, ±√½, ±√2, ∞, a lane a channel. Each is the same
// one-dimensional transform along the columns of a tile and then along its rows.

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
    // A tile transformed along its columns, (6, 6, lanes), and a row of zeros.
    withUnsafeTemporaryAllocation(byteCount: 42 * lanes * 4, alignment: 64) { bytes in
      let columns = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      let zeros = columns + 36 * lanes
      for i in 0..<6 { store(.zero, zeros + i * lanes) }
      // Neighbouring tiles of a group share cache lines of the result.
      for group in 0..<groups {
        for index in 0..<count {
          let place = TilePlace(tiling, first + index)
          let top = place.row * 4 - 1
          let left = place.column * 4 - 1
          let plane =
            images + (place.image * groups + group) * tiling.height * tiling.width * lanes
          // What hangs over the edge of the image is zero.
          let inside = max(0, -left)..<min(6, tiling.width - left)
          for x in 0..<6 where !inside.contains(x) {
            for y in 0..<6 { store(.zero, columns + (y * 6 + x) * lanes) }
          }
          @inline(__always)
          func row(_ y: Int) -> Input {
            top + y >= 0 && top + y < tiling.height
              ? plane + ((top + y) * tiling.width + left) * lanes : Input(zeros)
          }
          prefetchTile(tiling, images, groups, first + index, group, count)
          transformColumns(row(0), row(1), row(2), row(3), row(4), row(5), inside, columns)
          transformRows(
            columns, transformed + (group * capacity + slot + index) * lanes, planeStride)
        }
      }
    }
  }

  /// Asks for the tile of the next group; after the last group, for that `count` tiles further on.
  @inline(__always)
  private func prefetchTile(
    _ tiling: WinogradTiling, _ images: Input, _ groups: Int, _ tile: Int, _ group: Int,
    _ count: Int
  ) {
    let isLast = group + 1 == groups
    let place = TilePlace(tiling, isLast ? tile + count : tile)
    let plane = place.image * groups + (isLast ? 0 : group + 1)
    let row = tiling.width * lanes
    let corner =
      images + (plane * tiling.height + place.row * 4) * row + place.column * 4 * lanes
    for y in 0..<4 {
      prefetch(corner + y * row)
      prefetch(corner + y * row + 2 * lanes)
    }
  }

  @inline(__always)
  private func transformColumns(
    _ d0: Input, _ d1: Input, _ d2: Input, _ d3: Input, _ d4: Input, _ d5: Input,
    _ inside: Range<Int>, _ to: Output
  ) {
    for x in inside {
      let i = x * lanes
      transformInput(
        load(d0 + i), load(d1 + i), load(d2 + i), load(d3 + i), load(d4 + i), load(d5 + i),
        to + i, 6 * lanes)
    }
  }

  @inline(__always)
  private func transformRows(_ columns: Input, _ transformed: Output, _ planeStride: Int) {
    for y in 0..<6 {
      let from = columns + y * 6 * lanes
      transformInput(
        load(from), load(from + lanes), load(from + 2 * lanes), load(from + 3 * lanes),
        load(from + 4 * lanes), load(from + 5 * lanes), transformed + y * 6 * planeStride,
        planeStride)
    }
  }

  /// Bᵀ·d along one side, to six places `stride` apart.
  @inline(__always)
  private func transformInput(
    _ d0: Vector, _ d1: Vector, _ d2: Vector, _ d3: Vector, _ d4: Vector, _ d5: Vector,
    _ to: Output, _ stride: Int
  ) {
    let middle = Vector(repeating: -2.5)
    store(multiplyAdd(d2, middle, d0) + d4, to)
    storePlusMinus(
      multiplyAdd(d2, Vector(repeating: -2), d4), multiplyAdd(d1, Vector(repeating: -2), d3), a,
      to + stride, stride)
    storePlusMinus(
      multiplyAdd(d2, Vector(repeating: -0.5), d4), multiplyAdd(d1, Vector(repeating: -0.5), d3),
      b, to + 3 * stride, stride)
    store(multiplyAdd(d3, middle, d1) + d5, to + 5 * stride)
  }

  /// even + point·odd and even − point·odd, to two places.
  @inline(__always)
  private func storePlusMinus(
    _ even: Vector, _ odd: Vector, _ point: Float, _ to: Output, _ stride: Int
  ) {
    let scaled = odd * Vector(repeating: point)
    store(even + scaled, to)
    store(even - scaled, to + stride)
  }

  // MARK: Aᵀ·m·A

  public func winogradOutput(
    _ tiling: WinogradTiling, _ product: Input, productStride: Int, first: Int, count: Int,
    bias: Input?, to images: Output, groups: Int, panel: Int
  ) {
    withUnsafeTemporaryAllocation(byteCount: 16 * lanes * 4, alignment: 64) { bytes in
      let tile = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for index in 0..<count {
        let place = TilePlace(tiling, first + index)
        let y = place.row * 4
        let x = place.column * 4
        for group in (panel * 4)..<min(groups, panel * 4 + 4) {
          let m = product + (index * 4 + group - panel * 4) * lanes
          let shift = bias.map { load($0 + group * lanes) } ?? .zero
          let plane =
            images + (place.image * groups + group) * tiling.height * tiling.width * lanes
          let to = plane + (y * tiling.width + x) * lanes
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
          prefetchTile(tiling, gradients, groups, first + index, group, 1)
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
      let scaled = odd * Vector(repeating: point)
      return (even + scaled, even - scaled)
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
    _ g0: Vector, _ g1: Vector, _ g2: Vector, _ g3: Vector, _ to: Output, _ stride: Int
  ) {
    store(g0, to)
    storePlusMinus(
      multiplyAdd(g2, Vector(repeating: 0.5), g0), multiplyAdd(g3, Vector(repeating: 0.5), g1), a,
      to + stride, stride)
    storePlusMinus(
      multiplyAdd(g2, Vector(repeating: 2), g0), multiplyAdd(g3, Vector(repeating: 2), g1), b,
      to + 3 * stride, stride)
    store(g3, to + 5 * stride)
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
