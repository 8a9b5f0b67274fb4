import KernelABI

// Bᵀ·d·B: tiles of images into the transformed space, with the points 0, ±√½, ±√2, ∞, a lane a
// channel. Each transform is the same one-dimensional one along the columns of a tile and then
// along its rows.

private let a: Float = 0.707106781  // √½
private let b: Float = 1.414213562  // √2

private let packTiles = Winograd.packTiles
/// Floats from one point of a tile to the next in a pack of a group.
private let groupStep = packTiles * lanes

/// Six values along one side of a tile.
typealias Six = (Vector, Vector, Vector, Vector, Vector, Vector)

extension KernelSet {
  public func winogradInput(
    _ tiling: WinogradTiling, _ area: WinogradTiles, to transformed: Output, packStride: Int
  ) {
    switch (area.images.storage, tiling.outputTile) {
    case (.float32, FourOutputs.size):
      transformTiles(
        tiling, area, UnsafePointer(area.images.floats), to: transformed, packStride)
    case (.float32, _):
      transformSmallTiles(
        tiling, area, UnsafePointer(area.images.floats), to: transformed, packStride)
    case (.bfloat16, FourOutputs.size):
      transformTiles(
        tiling, area, UnsafePointer(area.images.bfloat16s), to: transformed, packStride)
    case (.bfloat16, _):
      transformSmallTiles(
        tiling, area, UnsafePointer(area.images.bfloat16s), to: transformed, packStride)
    case (.uint8, _), (.int8, _): wrongStorage()
    }
  }

  /// Tiles of filters of 5×5. Made of the same function as those of 3×3 they would be more than the
  /// compiler puts into one: transforms of single tiles then become calls.
  @inline(never)
  private func transformSmallTiles<Element: Stored>(
    _ tiling: WinogradTiling, _ area: WinogradTiles, _ images: UnsafePointer<Element>,
    to transformed: Output, _ packStride: Int
  ) {
    let groups = area.groups.count
    let count = area.tiles.count
    withUnsafeTemporaryAllocation(byteCount: 6 * lanes * 4, alignment: 64) { bytes in
      let zeros = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Element.self)
      for i in 0..<6 { Element.store(.zero, zeros + i * lanes) }
      for group in 0..<groups {
        for index in 0..<count {
          let place = TilePlace(tiling, area.tiles.lowerBound + index)
          let top = place.row * TwoOutputs.size - TwoOutputs.padding
          let left = place.column * TwoOutputs.size - TwoOutputs.padding
          let plane = images + area.plane(tiling, place, group)
          let to =
            transformed + index / packTiles * packStride
            + (group * Winograd.points * packTiles + index % packTiles) * lanes
          @inline(__always)
          func row(_ y: Int) -> UnsafePointer<Element> {
            top + y >= 0 && top + y < tiling.height
              ? plane + ((top + y) * tiling.width + left) * lanes : UnsafePointer(zeros)
          }
          let rows = SixRows(row(0), row(1), row(2), row(3), row(4), row(5))
          let missing = left + 6 - tiling.width
          if left >= 0 && missing <= 0 {
            transformTile(rows, lacksLeft: false, lacksRight: false, to)
          } else {
            transformCopy(of: rows, columns: max(0, -left)..<min(6, 6 - missing), to)
          }
        }
      }
    }
    if count % 2 != 0 {
      clearTile(count, transformed, packStride, planes: groups * Winograd.points)
    }
  }

  @inline(__always)
  private func transformTiles<Element: Stored>(
    _ tiling: WinogradTiling, _ area: WinogradTiles, _ images: UnsafePointer<Element>,
    to transformed: Output, _ packStride: Int
  ) {
    let groups = area.groups.count
    let count = area.tiles.count
    withUnsafeTemporaryAllocation(byteCount: 6 * lanes * 4, alignment: 64) { bytes in
      let zeros = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Element.self)
      for i in 0..<6 { Element.store(.zero, zeros + i * lanes) }
      for group in 0..<groups {
        for index in 0..<count {
          let place = TilePlace(tiling, area.tiles.lowerBound + index)
          let top = place.row * 4 - 1
          let left = place.column * 4 - 1
          let plane = images + area.plane(tiling, place, group)
          let to =
            transformed + index / packTiles * packStride
            + (group * Winograd.points * packTiles + index % packTiles) * lanes
          // What lies outside the image is zero.
          @inline(__always)
          func row(_ y: Int) -> UnsafePointer<Element> {
            top + y >= 0 && top + y < tiling.height
              ? plane + ((top + y) * tiling.width + left) * lanes : UnsafePointer(zeros)
          }
          let rows = SixRows(row(0), row(1), row(2), row(3), row(4), row(5))
          let missing = left + 6 - tiling.width
          if left < 0 && missing <= 0 {
            transformTile(rows, lacksLeft: true, lacksRight: false, to)
          } else if missing <= 0 {
            transformTile(rows, lacksLeft: false, lacksRight: false, to)
          } else if missing == 1 && left >= 0 {
            transformTile(rows, lacksLeft: false, lacksRight: true, to)
          } else {
            transformCopy(of: rows, columns: max(0, -left)..<(6 - missing), to)
          }
        }
      }
    }
    if count % 2 != 0 {
      clearTile(count, transformed, packStride, planes: groups * Winograd.points)
    }
  }

  /// A tile that hangs far over the edge, of which only `columns` exist.
  @inline(never)
  private func transformCopy<Element: Stored>(
    of rows: SixRows<Element>, columns: Range<Int>, _ to: Output
  ) {
    // (6, 6, lanes)
    withUnsafeTemporaryAllocation(byteCount: 36 * lanes * 4, alignment: 64) { bytes in
      let tile = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      rows.copy(columns: columns, to: tile)
      transformTile(SixRows(tile: tile), lacksLeft: false, lacksRight: false, to)
    }
  }

  /// Sets the tile after the last one to zero.
  private func clearTile(_ tile: Int, _ transformed: Output, _ packStride: Int, planes: Int) {
    let place = transformed + tile / packTiles * packStride + tile % packTiles * lanes
    for plane in 0..<planes { store(.zero, place + plane * packTiles * lanes) }
  }

  /// Bᵀ·d·B of one tile. Every row of the result needs three or four rows of the tile: they are
  /// loaded again each time, which is cheaper than keeping 36 vectors.
  @inline(__always)
  private func transformTile<Element: Stored>(
    _ d: SixRows<Element>, lacksLeft: Bool, lacksRight: Bool, _ to: Output
  ) {
    typealias Row = UnsafePointer<Element>
    @inline(__always)
    func value(_ row: Row, _ x: Int) -> Vector {
      (x == 0 && lacksLeft) || (x == 5 && lacksRight) ? .zero : Element.load(row + x * lanes)
    }
    /// The first and the last row: r0 − 2.5·r2 + r4.
    @inline(__always)
    func outer(_ r0: Row, _ r2: Row, _ r4: Row, _ to: Output) {
      @inline(__always)
      func sum(_ x: Int) -> Vector {
        multiplyAdd(value(r2, x), Vector(repeating: -2.5), value(r0, x)) + value(r4, x)
      }
      transformInput(sum(0), sum(1), sum(2), sum(3), sum(4), sum(5), to)
    }
    /// Rows +p and −p: (r4 − q·r2) ± p·(r3 − q·r1).
    @inline(__always)
    func pair(_ q: Float, _ p: Float, _ to: Output) {
      @inline(__always)
      func even(_ x: Int) -> Vector {
        multiplyAdd(value(d.r2, x), Vector(repeating: -q), value(d.r4, x))
      }
      @inline(__always)
      func odd(_ x: Int) -> Vector {
        multiplyAdd(value(d.r1, x), Vector(repeating: -q), value(d.r3, x))
          * Vector(repeating: p)
      }
      let (e0, e1, e2, e3, e4, e5) = (even(0), even(1), even(2), even(3), even(4), even(5))
      let (o0, o1, o2, o3, o4, o5) = (odd(0), odd(1), odd(2), odd(3), odd(4), odd(5))
      transformInput(e0 + o0, e1 + o1, e2 + o2, e3 + o3, e4 + o4, e5 + o5, to)
      transformInput(
        e0 - o0, e1 - o1, e2 - o2, e3 - o3, e4 - o4, e5 - o5, to + 6 * groupStep)
    }
    outer(d.r0, d.r2, d.r4, to)
    pair(2, a, to + 6 * groupStep)
    pair(0.5, b, to + 18 * groupStep)
    outer(d.r1, d.r3, d.r5, to + 30 * groupStep)
  }

  /// Bᵀ·d along one side, to six points.
  @inline(__always)
  private func transformInput(
    _ d0: Vector, _ d1: Vector, _ d2: Vector, _ d3: Vector, _ d4: Vector, _ d5: Vector,
    _ to: Output
  ) {
    let six = inputPoints(d0, d1, d2, d3, d4, d5)
    store(six.0, to)
    store(six.1, to + groupStep)
    store(six.2, to + 2 * groupStep)
    store(six.3, to + 3 * groupStep)
    store(six.4, to + 4 * groupStep)
    store(six.5, to + 5 * groupStep)
  }

  /// Bᵀ·d along one side.
  @inline(__always)
  func inputPoints(
    _ d0: Vector, _ d1: Vector, _ d2: Vector, _ d3: Vector, _ d4: Vector, _ d5: Vector
  ) -> Six {
    let middle = Vector(repeating: -2.5)
    let evenA = multiplyAdd(d2, Vector(repeating: -2), d4)
    let oddA = multiplyAdd(d1, Vector(repeating: -2), d3)
    let evenB = multiplyAdd(d2, Vector(repeating: -0.5), d4)
    let oddB = multiplyAdd(d1, Vector(repeating: -0.5), d3)
    return (
      multiplyAdd(d2, middle, d0) + d4,
      multiplyAdd(oddA, Vector(repeating: a), evenA),
      multiplyAdd(oddA, Vector(repeating: -a), evenA),
      multiplyAdd(oddB, Vector(repeating: b), evenB),
      multiplyAdd(oddB, Vector(repeating: -b), evenB),
      multiplyAdd(d3, middle, d1) + d5
    )
  }

  /// even + point·odd and even − point·odd, to two places.
  @inline(__always)
  func storePlusMinus(
    _ even: Vector, _ odd: Vector, _ point: Float, _ to: Output, _ stride: Int
  ) {
    store(multiplyAdd(odd, Vector(repeating: point), even), to)
    store(multiplyAdd(odd, Vector(repeating: -point), even), to + stride)
  }
}

/// Where the six rows of a tile lie.
private struct SixRows<Element: Stored> {
  typealias Row = UnsafePointer<Element>
  let r0, r1, r2, r3, r4, r5: Row

  @inline(__always)
  init(_ r0: Row, _ r1: Row, _ r2: Row, _ r3: Row, _ r4: Row, _ r5: Row) {
    (self.r0, self.r1, self.r2, self.r3, self.r4, self.r5) = (r0, r1, r2, r3, r4, r5)
  }

  /// A tile of its own, (6, 6, lanes).
  @inline(__always)
  init(tile: UnsafeMutablePointer<Element>) {
    let (row, tile) = (6 * lanes, Row(tile))
    self.init(
      tile, tile + row, tile + 2 * row, tile + 3 * row, tile + 4 * row, tile + 5 * row)
  }

  /// Copies the columns that exist; the others become zero.
  func copy(columns: Range<Int>, to tile: Output) {
    var to = tile
    @inline(__always)
    func copyRow(_ row: Row) {
      for x in 0..<6 {
        store(columns.contains(x) ? Element.load(row + x * lanes) : .zero, to)
        to += lanes
      }
    }
    copyRow(r0)
    copyRow(r1)
    copyRow(r2)
    copyRow(r3)
    copyRow(r4)
    copyRow(r5)
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

extension WinogradTiles {
  /// Where the plane begins that holds a tile's pixels of one of the groups.
  @inline(__always)
  func plane(_ tiling: WinogradTiling, _ place: TilePlace, _ group: Int) -> Int {
    let plane = place.image * imageGroups + groups.lowerBound + group
    return plane * tiling.height * tiling.width * lanes
  }
}
