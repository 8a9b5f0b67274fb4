import KernelABI

// Bᵀ·d·B of two tiles beside each other, as int16. The two share two of their ten columns, or with
// filters of 5×5 four of eight, and what they have of a point and a group fills a cache line.

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
      switch area.images.storage {
      case .float32:
        transformTiles(
          UnsafePointer(area.images.floats), tiling, area, scales, points, memory, layout,
          transformed, pointStride)
      case .bfloat16:
        transformTiles(
          UnsafePointer(area.images.bfloat16s), tiling, area, scales, points, memory, layout,
          transformed, pointStride)
      case .uint8, .int8: wrongStorage()
      }
    }
  }

  @inline(__always)
  private func transformTiles<Element: Stored>(
    _ images: UnsafePointer<Element>, _ tiling: WinogradTiling, _ area: WinogradTiles,
    _ scales: Input, _ points: PointScales, _ memory: UnsafeMutableRawPointer,
    _ layout: Int16Pairs, _ transformed: UnsafeMutablePointer<Int16>, _ pointStride: Int
  ) {
    @inline(__always)
    func channels(_ plane: Int, _ tile: Int) -> ChannelPairs {
      ChannelPairs(
        to: transformed + plane * pointStride + tile, pointStride: pointStride, scales: points)
    }
    @inline(__always)
    func tiles(_ plane: Int, _ tile: Int) -> TilePairs {
      TilePairs(
        to: transformed + plane * pointStride + tile, pointStride: pointStride, scales: points)
    }
    switch (layout, tiling.outputTile) {
    case (.channels, FourOutputs.size):
      transformTiles(
        FourOutputs.self, images, tiling, area, scales, points, memory, channels)
    case (.channels, _):
      transformTiles(TwoOutputs.self, images, tiling, area, scales, points, memory, channels)
    case (.tiles, FourOutputs.size):
      transformTiles(FourOutputs.self, images, tiling, area, scales, points, memory, tiles)
    case (.tiles, _):
      transformTiles(TwoOutputs.self, images, tiling, area, scales, points, memory, tiles)
    }
  }

  @inline(__always)
  private func transformTiles<Element: Stored, Tile: OutputTile, Sink: PointSink>(
    _: Tile.Type, _ images: UnsafePointer<Element>, _ tiling: WinogradTiling, _ area: WinogradTiles,
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
        let width = 6 + Tile.size
        let top = place.row * Tile.size - Tile.padding
        let left = place.column * Tile.size - Tile.padding
        let plane = images + area.plane(tiling, place, group)
        // What lies outside the image is zero.
        @inline(__always)
        func row(_ y: Int) -> UnsafePointer<Element> {
          top + y >= 0 && top + y < tiling.height
            ? plane + ((top + y) * tiling.width + left) * lanes : UnsafePointer(zeros)
        }
        let target = sink(group * Winograd.points, index * lanes)
        let missing = left + width - tiling.width
        if missing <= 0 || missing == Tile.padding {
          @inline(__always)
          func columns(_ y: Int) -> TileColumns<Element, Tile> {
            TileColumns(
              row(y), zeros: zeros, lacksFirst: left < 0, lacksLast: missing > 0)
          }
          transformPair(
            columns(0), columns(1), columns(2), columns(3), columns(4), columns(5), target)
        } else {
          let inside = max(0, -left)..<max(0, width - missing)
          for y in 0..<6 {
            for x in 0..<width {
              let value = inside.contains(x) ? Element.load(row(y) + x * lanes) : .zero
              store(value, copy + (y * width + x) * lanes)
            }
          }
          @inline(__always)
          func columns(_ y: Int) -> TileColumns<Float, Tile> {
            TileColumns(Input(copy + y * width * lanes))
          }
          transformPair(
            columns(0), columns(1), columns(2), columns(3), columns(4), columns(5), target)
        }
      }
    }
  }

  /// Bᵀ·d·B of both tiles. As in `winogradInput`, what a row of the result needs is loaded each time.
  @inline(__always)
  private func transformPair<Element: Stored, Tile: OutputTile, Sink: PointSink>(
    _ d0: TileColumns<Element, Tile>, _ d1: TileColumns<Element, Tile>,
    _ d2: TileColumns<Element, Tile>, _ d3: TileColumns<Element, Tile>,
    _ d4: TileColumns<Element, Tile>,
    _ d5: TileColumns<Element, Tile>, _ sink: Sink
  ) {
    typealias Row = TileColumns<Element, Tile>
    // Tiles of two outputs have no columns 8 and 9.
    let last = 5 + Tile.size
    /// The first and the last row: r0 − 2.5·r2 + r4.
    @inline(__always)
    func outer(_ r0: Row, _ r2: Row, _ r4: Row, _ point: Int) {
      @inline(__always)
      func sum(_ x: Int) -> Vector {
        x > last ? .zero : multiplyAdd(r2[x], Vector(repeating: -2.5), r0[x]) + r4[x]
      }
      transformRow(
        Tile.self, sum(0), sum(1), sum(2), sum(3), sum(4), sum(5), sum(6), sum(7), sum(8), sum(9),
        point,
        sink)
    }
    /// Rows +p and −p: (r4 − q·r2) ± p·(r3 − q·r1).
    @inline(__always)
    func pair(_ q: Float, _ p: Float, _ point: Int) {
      @inline(__always)
      func even(_ x: Int) -> Vector {
        x > last ? .zero : multiplyAdd(d2[x], Vector(repeating: -q), d4[x])
      }
      @inline(__always)
      func odd(_ x: Int) -> Vector {
        x > last ? .zero : multiplyAdd(d1[x], Vector(repeating: -q), d3[x])
      }
      let (e0, e1, e2, e3, e4) = (even(0), even(1), even(2), even(3), even(4))
      let (e5, e6, e7, e8, e9) = (even(5), even(6), even(7), even(8), even(9))
      let (o0, o1, o2, o3, o4) = (odd(0), odd(1), odd(2), odd(3), odd(4))
      let (o5, o6, o7, o8, o9) = (odd(5), odd(6), odd(7), odd(8), odd(9))
      @inline(__always)
      func row(_ p: Vector, _ point: Int) {
        transformRow(
          Tile.self, multiplyAdd(o0, p, e0), multiplyAdd(o1, p, e1), multiplyAdd(o2, p, e2),
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
  private func transformRow<Tile: OutputTile, Sink: PointSink>(
    _: Tile.Type, _ d0: Vector, _ d1: Vector, _ d2: Vector, _ d3: Vector, _ d4: Vector,
    _ d5: Vector,
    _ d6: Vector, _ d7: Vector, _ d8: Vector, _ d9: Vector, _ point: Int, _ sink: Sink
  ) {
    let first = inputPoints(d0, d1, d2, d3, d4, d5)
    if Tile.size == 4 {
      sink.put(point, first, inputPoints(d4, d5, d6, d7, d8, d9))
    } else {
      sink.put(point, first, inputPoints(d2, d3, d4, d5, d6, d7))
    }
  }
}

/// A row of two tiles. What the padding is at its ends may lie outside the image, and is zero then: a
/// column of ten, or two of eight.
private struct TileColumns<Element: Stored, Tile: OutputTile> {
  private let row: UnsafePointer<Element>
  private let first: UnsafePointer<Element>
  private let last: UnsafePointer<Element>

  @inline(__always)
  init(_ row: UnsafePointer<Element>) {
    self.row = row
    first = row
    last = row
  }

  @inline(__always)
  init(
    _ row: UnsafePointer<Element>, zeros: UnsafePointer<Element>, lacksFirst: Bool,
    lacksLast: Bool
  ) {
    self.row = row
    first = lacksFirst ? zeros : row
    last = lacksLast ? zeros : row
  }

  @inline(__always)
  subscript(x: Int) -> Vector {
    let isLast = x >= 6 + Tile.size - Tile.padding
    return Element.load((x < Tile.padding ? first : isLast ? last : row) + x * lanes)
  }
}
