import KernelABI

// Bᵀ·d·B of two tiles beside each other, as int16. The two share two of their ten columns, and what
// they have of a point and a group fills a cache line.

private let a: Float = 0.707106781  // √½
private let b: Float = 1.414213562  // √2

/// Takes up the points of two tiles.
protocol PointSink {
  func put(_ point: Int, _ first: Vector, _ second: Vector)
}

extension PointSink {
  /// Six points of a row, `point` the first.
  @inline(__always)
  func put(_ point: Int, _ first: Six, _ second: Six) {
    put(point, first.0, second.0)
    put(point + 1, first.1, second.1)
    put(point + 2, first.2, second.2)
    put(point + 3, first.3, second.3)
    put(point + 4, first.4, second.4)
    put(point + 5, first.5, second.5)
  }
}

/// One tile after the other: pairs of channels.
struct ChannelPairs: PointSink {
  let to: UnsafeMutablePointer<Int16>
  let pointStride: Int
  let scales: PointScales

  @inline(__always)
  func put(_ point: Int, _ first: Vector, _ second: Vector) {
    let place = to + point * pointStride
    storeLowerHalves(toInt16(first, scales[point]), place)
    storeLowerHalves(toInt16(second, scales[point]), place + lanes)
  }
}

/// Pairs of tiles.
struct TilePairs: PointSink {
  let to: UnsafeMutablePointer<Int16>
  let pointStride: Int
  let scales: PointScales

  @inline(__always)
  func put(_ point: Int, _ first: Vector, _ second: Vector) {
    storePairs(
      pairs(toInt16(first, scales[point]), toInt16(second, scales[point])),
      to + point * pointStride)
  }
}

/// Ten columns of zeros, room for ten columns of a tile, and the scales.
private let zerosBytes = 10 * lanes * 4
private let copyBytes = 60 * lanes * 4

extension KernelSet {
  public func winogradInputInt16(
    _ tiling: WinogradTiling, _ area: WinogradTiles, scales: Input, pairs layout: Int16Pairs,
    to transformed: UnsafeMutablePointer<Int16>, pointStride: Int
  ) {
    withUnsafeTemporaryAllocation(
      byteCount: zerosBytes + copyBytes + PointScales.bytes, alignment: 64
    ) { bytes in
      let memory = bytes.baseAddress.unsafelyUnwrapped
      let points = PointScales(
        memory + zerosBytes + copyBytes, bound: Int16Products.inputBound)
      switch (area.images.storage, layout) {
      case (.float32, .channels):
        transformTiles(UnsafePointer(area.images.floats), tiling, area, scales, points, memory) {
          ChannelPairs(
            to: transformed + $0 * pointStride + $1, pointStride: pointStride, scales: points)
        }
      case (.float32, .tiles):
        transformTiles(UnsafePointer(area.images.floats), tiling, area, scales, points, memory) {
          TilePairs(
            to: transformed + $0 * pointStride + $1, pointStride: pointStride, scales: points)
        }
      case (.bfloat16, .channels):
        transformTiles(
          UnsafePointer(area.images.bfloat16s), tiling, area, scales, points, memory
        ) {
          ChannelPairs(
            to: transformed + $0 * pointStride + $1, pointStride: pointStride, scales: points)
        }
      case (.bfloat16, .tiles):
        transformTiles(
          UnsafePointer(area.images.bfloat16s), tiling, area, scales, points, memory
        ) {
          TilePairs(
            to: transformed + $0 * pointStride + $1, pointStride: pointStride, scales: points)
        }
      case (.uint8, _), (.int8, _): wrongStorage()
      }
    }
  }

  @inline(__always)
  private func transformTiles<Element: Stored, Sink: PointSink>(
    _ images: UnsafePointer<Element>, _ tiling: WinogradTiling, _ area: WinogradTiles,
    _ scales: Input, _ points: PointScales, _ memory: UnsafeMutableRawPointer,
    _ sink: (_ plane: Int, _ tile: Int) -> Sink
  ) {
    let zeros = memory.assumingMemoryBound(to: Element.self)
    for i in 0..<10 { Element.store(.zero, zeros + i * lanes) }
    let copy = (memory + zerosBytes).assumingMemoryBound(to: Float.self)
    for group in 0..<area.groups.count {
      var image = -1
      for index in stride(from: 0, to: area.tiles.count, by: 2) {
        let place = TilePlace(tiling, area.tiles.lowerBound + index)
        if place.image != image {
          image = place.image
          points.set(scales[image])
        }
        let top = place.row * 4 - 1
        let left = place.column * 4 - 1
        let plane = images + area.plane(tiling, place, group)
        // What lies outside the image is zero.
        @inline(__always)
        func row(_ y: Int) -> UnsafePointer<Element> {
          top + y >= 0 && top + y < tiling.height
            ? plane + ((top + y) * tiling.width + left) * lanes : UnsafePointer(zeros)
        }
        let target = sink(group * Winograd.points, index * lanes)
        let missing = left + 10 - tiling.width
        if missing <= 1 {
          @inline(__always)
          func columns(_ y: Int) -> TenColumns<Element> {
            TenColumns(
              row(y), zeros: zeros, lacksFirst: left < 0, lacksLast: missing > 0)
          }
          transformPair(
            columns(0), columns(1), columns(2), columns(3), columns(4), columns(5), target)
        } else {
          let inside = max(0, -left)..<max(0, 10 - missing)
          for y in 0..<6 {
            for x in 0..<10 {
              let value = inside.contains(x) ? Element.load(row(y) + x * lanes) : .zero
              store(value, copy + (y * 10 + x) * lanes)
            }
          }
          @inline(__always)
          func columns(_ y: Int) -> TenColumns<Float> { TenColumns(Input(copy + y * 10 * lanes)) }
          transformPair(
            columns(0), columns(1), columns(2), columns(3), columns(4), columns(5), target)
        }
      }
    }
  }

  /// Bᵀ·d·B of both tiles. As in `winogradInput`, what a row of the result needs is loaded each time.
  @inline(__always)
  private func transformPair<Element: Stored, Sink: PointSink>(
    _ d0: TenColumns<Element>, _ d1: TenColumns<Element>, _ d2: TenColumns<Element>,
    _ d3: TenColumns<Element>, _ d4: TenColumns<Element>, _ d5: TenColumns<Element>, _ sink: Sink
  ) {
    typealias Row = TenColumns<Element>
    /// The first and the last row: r0 − 2.5·r2 + r4.
    @inline(__always)
    func outer(_ r0: Row, _ r2: Row, _ r4: Row, _ point: Int) {
      @inline(__always)
      func sum(_ x: Int) -> Vector { multiplyAdd(r2[x], Vector(repeating: -2.5), r0[x]) + r4[x] }
      transformRow(
        sum(0), sum(1), sum(2), sum(3), sum(4), sum(5), sum(6), sum(7), sum(8), sum(9), point, sink)
    }
    /// Rows +p and −p: (r4 − q·r2) ± p·(r3 − q·r1).
    @inline(__always)
    func pair(_ q: Float, _ p: Float, _ point: Int) {
      @inline(__always)
      func even(_ x: Int) -> Vector { multiplyAdd(d2[x], Vector(repeating: -q), d4[x]) }
      @inline(__always)
      func odd(_ x: Int) -> Vector { multiplyAdd(d1[x], Vector(repeating: -q), d3[x]) }
      let (e0, e1, e2, e3, e4) = (even(0), even(1), even(2), even(3), even(4))
      let (e5, e6, e7, e8, e9) = (even(5), even(6), even(7), even(8), even(9))
      let (o0, o1, o2, o3, o4) = (odd(0), odd(1), odd(2), odd(3), odd(4))
      let (o5, o6, o7, o8, o9) = (odd(5), odd(6), odd(7), odd(8), odd(9))
      @inline(__always)
      func row(_ p: Vector, _ point: Int) {
        transformRow(
          multiplyAdd(o0, p, e0), multiplyAdd(o1, p, e1), multiplyAdd(o2, p, e2),
          multiplyAdd(o3, p, e3), multiplyAdd(o4, p, e4), multiplyAdd(o5, p, e5),
          multiplyAdd(o6, p, e6), multiplyAdd(o7, p, e7), multiplyAdd(o8, p, e8),
          multiplyAdd(o9, p, e9), point, sink)
      }
      row(Vector(repeating: p), point)
      row(Vector(repeating: -p), point + 6)
    }
    outer(d0, d2, d4, 0)
    pair(2, a, 6)
    pair(0.5, b, 18)
    outer(d1, d3, d5, 30)
  }

  @inline(__always)
  private func transformRow<Sink: PointSink>(
    _ d0: Vector, _ d1: Vector, _ d2: Vector, _ d3: Vector, _ d4: Vector, _ d5: Vector,
    _ d6: Vector, _ d7: Vector, _ d8: Vector, _ d9: Vector, _ point: Int, _ sink: Sink
  ) {
    sink.put(point, inputPoints(d0, d1, d2, d3, d4, d5), inputPoints(d4, d5, d6, d7, d8, d9))
  }
}

/// A row of two tiles. Its first and its last column may lie outside the image, and are zero then.
private struct TenColumns<Element: Stored> {
  private let row: UnsafePointer<Element>
  private let first: UnsafePointer<Element>
  private let last: UnsafePointer<Element>

  @inline(__always)
  init(_ row: UnsafePointer<Element>) {
    self.row = row
    first = row
    last = row + 9 * lanes
  }

  @inline(__always)
  init(
    _ row: UnsafePointer<Element>, zeros: UnsafePointer<Element>, lacksFirst: Bool, lacksLast: Bool
  ) {
    self.row = row
    first = lacksFirst ? zeros : row
    last = lacksLast ? zeros : row + 9 * lanes
  }

  @inline(__always)
  subscript(x: Int) -> Vector {
    Element.load(x == 0 ? first : x == 9 ? last : row + x * lanes)
  }
}
