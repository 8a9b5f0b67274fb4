import CCPUFeatures
import KernelABI

// Winograd's transforms for images that are stored as bytes: see `WinogradIntegers`.

private let packTiles = Winograd.packTiles
/// Floats from one point of a tile to the next in a pack of a panel.
private let panelStep = packTiles * panel

// MARK: - Input

/// Six numbers along one side of a tile.
private typealias SixShorts = (
  ShortVector, ShortVector, ShortVector, ShortVector, ShortVector, ShortVector
)

/// A row of two tiles beside each other, ten columns, as five vectors of two columns.
private struct ColumnPairs<Element: StoredByte> {
  let row: UnsafePointer<Element>
  let lacksFirst: Bool
  let lacksLast: Bool

  @inline(__always)
  subscript(pair: Int) -> ShortVector {
    if pair == 0 && lacksFirst { return Element.loadSecond(row + lanes) }
    if pair == 4 && lacksLast { return Element.loadFirst(row + 8 * lanes) }
    return Element.loadTwo(row + 2 * pair * lanes)
  }
}

extension KernelSet {
  public func winogradInputInt8(
    _ tiling: WinogradTiling, _ area: WinogradTiles, to transformed: UnsafeMutablePointer<Int16>,
    pointStride: Int
  ) {
    switch area.images.storage {
    case .uint8:
      transformBytes(UnsafePointer(area.images.uint8s), tiling, area, transformed, pointStride)
    case .int8:
      transformBytes(UnsafePointer(area.images.int8s), tiling, area, transformed, pointStride)
    case .float32, .bfloat16: wrongStorage()
    }
  }

  @inline(__always)
  private func transformBytes<Element: StoredByte>(
    _ images: UnsafePointer<Element>, _ tiling: WinogradTiling, _ area: WinogradTiles,
    _ transformed: UnsafeMutablePointer<Int16>, _ pointStride: Int
  ) {
    // Ten columns of zeros, and room for six rows of a tile that hangs over the edge.
    withUnsafeTemporaryAllocation(byteCount: 70 * lanes, alignment: 64) { bytes in
      let zeros = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Element.self)
      let copy = zeros + 10 * lanes
      for i in 0..<10 { Element.copy(nil, to: zeros + i * lanes) }
      for group in 0..<area.groups.count {
        for index in stride(from: 0, to: area.tiles.count, by: 2) {
          let place = TilePlace(tiling, area.tiles.lowerBound + index)
          let top = place.row * 4 - 1
          let left = place.column * 4 - 1
          let plane = images + area.plane(tiling, place, group)
          // What lies outside the image is zero.
          @inline(__always)
          func row(_ y: Int) -> UnsafePointer<Element> {
            top + y >= 0 && top + y < tiling.height
              ? plane + ((top + y) * tiling.width + left) * lanes : UnsafePointer(zeros)
          }
          let target = transformed + group * Winograd.points * pointStride + index * lanes
          let missing = left + 10 - tiling.width
          if missing <= 1 {
            let (lacksFirst, lacksLast) = (left < 0, missing > 0)
            @inline(__always)
            func pairs(_ y: Int) -> ColumnPairs<Element> {
              ColumnPairs(row: row(y), lacksFirst: lacksFirst, lacksLast: lacksLast)
            }
            transformPair(
              pairs(0), pairs(1), pairs(2), pairs(3), pairs(4), pairs(5), target, pointStride)
          } else {
            for y in 0..<6 {
              let from = row(y)
              for x in 0..<10 {
                let exists = left + x >= 0 && left + x < tiling.width
                Element.copy(exists ? from + x * lanes : nil, to: copy + (y * 10 + x) * lanes)
              }
            }
            @inline(__always)
            func pairs(_ y: Int) -> ColumnPairs<Element> {
              ColumnPairs(
                row: UnsafePointer(copy + y * 10 * lanes), lacksFirst: false, lacksLast: false)
            }
            transformPair(
              pairs(0), pairs(1), pairs(2), pairs(3), pairs(4), pairs(5), target, pointStride)
          }
        }
      }
    }
  }

  /// Bᵀ·d·B of both tiles. What a row of the result needs is loaded each time, as in `winogradInput`.
  @inline(__always)
  private func transformPair<Element: StoredByte>(
    _ d0: ColumnPairs<Element>, _ d1: ColumnPairs<Element>, _ d2: ColumnPairs<Element>,
    _ d3: ColumnPairs<Element>, _ d4: ColumnPairs<Element>, _ d5: ColumnPairs<Element>,
    _ to: UnsafeMutablePointer<Int16>, _ stride: Int
  ) {
    typealias Row = ColumnPairs<Element>
    /// The first and the last row: 4·r0 − 5·r2 + r4.
    @inline(__always)
    func outer(_ r0: Row, _ r2: Row, _ r4: Row, _ point: Int) {
      @inline(__always)
      func sum(_ x: Int) -> ShortVector {
        let second = r2[x]
        return shifted(r0[x] - second, 2) + (r4[x] - second)
      }
      transformRow(sum(0), sum(1), sum(2), sum(3), sum(4), to + point * stride, stride)
    }
    /// Rows +1 and −1: (d4 − 4·d2) ± (d3 − 4·d1); +2 and −2: (d4 − d2) ± 2·(d3 − d1).
    @inline(__always)
    func pair(_ isFirst: Bool, _ point: Int) {
      @inline(__always)
      func even(_ x: Int) -> ShortVector { d4[x] - (isFirst ? shifted(d2[x], 2) : d2[x]) }
      @inline(__always)
      func odd(_ x: Int) -> ShortVector {
        isFirst ? d3[x] - shifted(d1[x], 2) : shifted(d3[x] - d1[x], 1)
      }
      let (e0, e1, e2, e3, e4) = (even(0), even(1), even(2), even(3), even(4))
      let (o0, o1, o2, o3, o4) = (odd(0), odd(1), odd(2), odd(3), odd(4))
      transformRow(
        e0 + o0, e1 + o1, e2 + o2, e3 + o3, e4 + o4, to + point * stride, stride)
      transformRow(
        e0 - o0, e1 - o1, e2 - o2, e3 - o3, e4 - o4, to + (point + 6) * stride, stride)
    }
    outer(d0, d2, d4, 0)
    pair(true, 6)
    pair(false, 18)
    outer(d1, d3, d5, 30)
  }

  /// A row of both tiles to six points of each: columns x and x + 4 make a vector.
  @inline(__always)
  private func transformRow(
    _ c01: ShortVector, _ c23: ShortVector, _ c45: ShortVector, _ c67: ShortVector,
    _ c89: ShortVector, _ to: UnsafeMutablePointer<Int16>, _ stride: Int
  ) {
    let (d0, d1) = (cpu_low_parts(c01, c45), cpu_high_parts(c01, c45))
    let (d2, d3) = (cpu_low_parts(c23, c67), cpu_high_parts(c23, c67))
    let (d4, d5) = (cpu_low_parts(c45, c89), cpu_high_parts(c45, c89))
    let (difference, other) = (d4 - d2, d3 - d1)
    let (even, odd) = (d4 - shifted(d2, 2), d3 - shifted(d1, 2))
    let twice = shifted(other, 1)
    storeShorts(shifted(d0 - d2, 2) + difference, to)
    storeShorts(even + odd, to + stride)
    storeShorts(even - odd, to + 2 * stride)
    storeShorts(difference + twice, to + 3 * stride)
    storeShorts(difference - twice, to + 4 * stride)
    storeShorts((d5 - d3) - shifted(other, 2), to + 5 * stride)
  }
}

// MARK: - Filters

extension KernelSet {
  public func winogradFiltersInt8(
    _ shape: ConvolutionShape, _ filters: Input, to transformed: UnsafeMutablePointer<Int16>,
    scales: Output, panel index: Int, vector: Int, scratch: Output
  ) {
    let groups = blocks(shape.inputChannels, of: lanes)
    for group in 0..<groups {
      transformFilters(
        shape, filters, rotated: false, firstOutput: index * panel + vector * lanes, group: group
      ) { input, taps in
        transformFilterToIntegers(taps, scratch + input * Winograd.points * lanes, lanes)
      }
    }
    storeFilters(
      Input(scratch), inputs: groups * lanes, sumLimit: WinogradIntegers.filterLimit,
      bound: { _ in 1 },
      to: transformed + index * Winograd.points * groups * lanes * panel + vector * 2 * lanes,
      scales: scales + index * Winograd.points * panel + vector * lanes)
  }

  /// G·g·Gᵀ of a vector of filters, (3, 3, lanes), to 36 points.
  @inline(__always)
  private func transformFilterToIntegers(_ g: Input, _ to: Output, _ pointStride: Int) {
    @inline(__always)
    func column(_ x: Int) -> Six {
      evaluateAtIntegers(load(g + x * lanes), load(g + (3 + x) * lanes), load(g + (6 + x) * lanes))
    }
    let (left, middle, right) = (column(0), column(1), column(2))
    @inline(__always)
    func row(_ y: Int, _ g0: Vector, _ g1: Vector, _ g2: Vector) {
      let six = evaluateAtIntegers(g0, g1, g2)
      let to = to + y * 6 * pointStride
      store(six.0, to)
      store(six.1, to + pointStride)
      store(six.2, to + 2 * pointStride)
      store(six.3, to + 3 * pointStride)
      store(six.4, to + 4 * pointStride)
      store(six.5, to + 5 * pointStride)
    }
    row(0, left.0, middle.0, right.0)
    row(1, left.1, middle.1, right.1)
    row(2, left.2, middle.2, right.2)
    row(3, left.3, middle.3, right.3)
    row(4, left.4, middle.4, right.4)
    row(5, left.5, middle.5, right.5)
  }

  /// G·g: (1, p, p²)/f(p) at each point p, where f(0) = 4, f(±1) = −6, f(±2) = 24.
  @inline(__always)
  private func evaluateAtIntegers(_ g0: Vector, _ g1: Vector, _ g2: Vector) -> Six {
    let outer = (g0 + g2) * Vector(repeating: -1 / 6)
    let middle = g1 * Vector(repeating: -1 / 6)
    let even = multiplyAdd(g2, Vector(repeating: 4), g0) * Vector(repeating: 1 / 24)
    let odd = g1 * Vector(repeating: 1 / 12)
    return (
      g0 * Vector(repeating: 0.25), outer + middle, outer - middle, even + odd, even - odd, g2
    )
  }
}

// MARK: - Output

extension KernelSet {
  public func winogradOutputInt8(
    _ tiling: WinogradTiling, _ product: Input, first: Int, count: Int, bias: Input?, relu: Bool,
    pools: Bool, to images: Values, groups: Int, panel index: Int
  ) {
    switch images.storage {
    case .uint8:
      transformProducts(
        tiling, product, first, count, bias, false, pools, images.uint8s, groups, panel: index)
    case .int8:
      transformProducts(
        tiling, product, first, count, bias, relu, pools, images.int8s, groups, panel: index)
    case .float32:
      transformProducts(
        tiling, product, first, count, bias, relu, pools, images.floats, groups, panel: index)
    case .bfloat16: wrongStorage()
    }
  }

  @inline(__always)
  private func transformProducts<Element: Stored>(
    _ tiling: WinogradTiling, _ product: Input, _ first: Int, _ count: Int, _ bias: Input?,
    _ relu: Bool, _ pools: Bool, _ images: UnsafeMutablePointer<Element>, _ groups: Int,
    panel index: Int
  ) {
    let side = pools ? 2 : 4
    let (height, width) =
      pools ? (tiling.height / 2, tiling.width / 2) : (tiling.height, tiling.width)
    withUnsafeTemporaryAllocation(byteCount: 16 * lanes * 4, alignment: 64) { bytes in
      let tile = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for tileIndex in 0..<count {
        let place = TilePlace(tiling, first + tileIndex)
        let (y, x) = (place.row * side, place.column * side)
        if x >= width { continue }
        let isWhole = y + side <= height && x + side <= width
        for group in (index * panelVectors)..<min(groups, (index + 1) * panelVectors) {
          let m =
            product + tileIndex / packTiles * Winograd.points * panelStep
            + tileIndex % packTiles * panel + (group - index * panelVectors) * lanes
          let shift = bias.map { load($0 + group * lanes) } ?? .zero
          let to =
            images + ((place.image * groups + group) * height * width + y * width + x) * lanes
          if isWhole {
            if pools {
              transformPooled(m, shift, relu, to, width * lanes)
            } else {
              transformTile(m, shift, relu, to, width * lanes)
            }
            continue
          }
          if pools {
            transformPooled(m, shift, relu, tile, side * lanes)
          } else {
            transformTile(m, shift, relu, tile, side * lanes)
          }
          for row in 0..<min(side, height - y) {
            for column in 0..<min(side, width - x) {
              Element.store(
                load(tile + (row * side + column) * lanes), to + (row * width + column) * lanes)
            }
          }
        }
      }
    }
  }

  /// One tile: 36 points of a pack to 4×4 values in rows `stride` apart.
  @inline(__always)
  private func transformTile<Element: Stored>(
    _ m: Input, _ bias: Vector, _ relu: Bool, _ to: UnsafeMutablePointer<Element>, _ stride: Int
  ) {
    @inline(__always)
    func put(_ row: Four, _ to: UnsafeMutablePointer<Element>) {
      Element.store(relu ? positive(row.0) : row.0, to)
      Element.store(relu ? positive(row.1) : row.1, to + lanes)
      Element.store(relu ? positive(row.2) : row.2, to + 2 * lanes)
      Element.store(relu ? positive(row.3) : row.3, to + 3 * lanes)
    }
    let even = evenRows(m, bias)
    put(even.0, to)
    put(even.1, to + 2 * stride)
    let odd = oddRows(m, bias)
    put(odd.0, to + stride)
    put(odd.1, to + 3 * stride)
  }

  /// The same to 2×2 maxima.
  @inline(__always)
  private func transformPooled<Element: Stored>(
    _ m: Input, _ bias: Vector, _ relu: Bool, _ to: UnsafeMutablePointer<Element>, _ stride: Int
  ) {
    let even = evenRows(m, bias)
    let odd = oddRows(m, bias)
    @inline(__always)
    func put(_ upper: Four, _ lower: Four, _ to: UnsafeMutablePointer<Element>) {
      let left = cpu_maximum(cpu_maximum(upper.0, upper.1), cpu_maximum(lower.0, lower.1))
      let right = cpu_maximum(cpu_maximum(upper.2, upper.3), cpu_maximum(lower.2, lower.3))
      Element.store(relu ? positive(left) : left, to)
      Element.store(relu ? positive(right) : right, to + lanes)
    }
    put(even.0, odd.0, to)
    put(even.1, odd.1, to + stride)
  }

  /// Rows 0 and 2 of a tile, which are made of the sums over ±p.
  @inline(__always)
  private func evenRows(_ m: Input, _ bias: Vector) -> (Four, Four) {
    @inline(__always)
    func sums(_ x: Int) -> (Vector, Vector) {
      let p = m + x * panelStep
      let one = load(p + 6 * panelStep) + load(p + 12 * panelStep)
      let two = load(p + 18 * panelStep) + load(p + 24 * panelStep)
      return (load(p) + one + two, multiplyAdd(two, Vector(repeating: 4), one))
    }
    let (a0, b0) = sums(0)
    let (a1, b1) = sums(1)
    let (a2, b2) = sums(2)
    let (a3, b3) = sums(3)
    let (a4, b4) = sums(4)
    let (a5, b5) = sums(5)
    return (outputRow((a0, a1, a2, a3, a4, a5), bias), outputRow((b0, b1, b2, b3, b4, b5), bias))
  }

  /// Rows 1 and 3: of the differences.
  @inline(__always)
  private func oddRows(_ m: Input, _ bias: Vector) -> (Four, Four) {
    @inline(__always)
    func differences(_ x: Int) -> (Vector, Vector) {
      let p = m + x * panelStep
      let one = load(p + 6 * panelStep) - load(p + 12 * panelStep)
      let two = load(p + 18 * panelStep) - load(p + 24 * panelStep)
      return (
        multiplyAdd(two, Vector(repeating: 2), one),
        multiplyAdd(two, Vector(repeating: 8), one + load(p + 30 * panelStep))
      )
    }
    let (a0, b0) = differences(0)
    let (a1, b1) = differences(1)
    let (a2, b2) = differences(2)
    let (a3, b3) = differences(3)
    let (a4, b4) = differences(4)
    let (a5, b5) = differences(5)
    return (outputRow((a0, a1, a2, a3, a4, a5), bias), outputRow((b0, b1, b2, b3, b4, b5), bias))
  }

  /// Six points along one side to four values.
  @inline(__always)
  private func outputRow(_ m: Six, _ bias: Vector) -> Four {
    let (one, two) = (m.1 + m.2, m.3 + m.4)
    let (difference, other) = (m.1 - m.2, m.3 - m.4)
    return (
      m.0 + one + (two + bias), multiplyAdd(other, Vector(repeating: 2), difference + bias),
      multiplyAdd(two, Vector(repeating: 4), one + bias),
      multiplyAdd(other, Vector(repeating: 8), difference + (m.5 + bias))
    )
  }
}

private typealias Four = (Vector, Vector, Vector, Vector)
