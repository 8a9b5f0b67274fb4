import KernelABI

// C = A·Bᵀ of int16. Sums are those of sixteen lanes with every instruction set, so that all of them
// give the same bits: with vectors of eight lanes, first those of the lower half.

/// Numbers of int16 in sixteen lanes, and halves of them that a vector holds.
private let step = Int16Products.rowMultiple
private let halves = 16 / lanes
/// How deep the products of a lane may be added up as int32.
private let runDepth = Int16Products.sumProducts / 2 * step

extension KernelSet {
  public func int16Row(
    _ row: Input, count: Int, factors: Input?, limit: Float,
    to rounded: UnsafeMutablePointer<Int16>, depth: Int
  ) -> Float {
    /// `lanes` numbers from the `i`-th on; beyond the last one they are zero.
    @inline(__always)
    func values(_ i: Int) -> Vector {
      if i + lanes <= count {
        let x = loadUnaligned(row + i)
        return factors.map { x * loadUnaligned($0 + i) } ?? x
      }
      var x = Vector.zero
      for lane in 0..<max(0, count - i) {
        x[lane] = factors.map { row[i + lane] * $0[i + lane] } ?? row[i + lane]
      }
      return x
    }
    var most = Vector.zero
    for i in stride(from: 0, to: count, by: lanes) { most = larger(most, magnitude(values(i))) }
    let scale = ImageScale(largest: largestLane(most), limit: limit)
    let factor = Vector(repeating: scale.scale)
    for i in stride(from: 0, to: depth, by: lanes) {
      storeLowerHalves(toInt16Unfused(values(i), factor), rounded + i)
    }
    return scale.inverse
  }

  /// In tiles of four by three rows, as `multiplyRows`.
  public func multiplyRowsInt16(
    rows: Int, columns: Int, depth: Int, a: UnsafePointer<Int16>, aScales: Input,
    b: UnsafePointer<Int16>, bScales: Input, c: Output, cStride: Int
  ) {
    var row = 0
    while row < rows {
      let height = rows - row >= 4 ? 4 : 1
      var column = 0
      while column < columns {
        let width = columns - column >= 3 ? 3 : 1
        let x = a + row * depth
        let y = b + column * depth
        let to = c + row * cStride + column
        let (s, t) = (aScales + row, bScales + column)
        if height == 4 && width == 3 {
          multiplyTile(4, 3, depth, x, s, y, t, to, cStride)
        } else if height == 4 {
          multiplyTile(4, 1, depth, x, s, y, t, to, cStride)
        } else if width == 3 {
          multiplyTile(1, 3, depth, x, s, y, t, to, cStride)
        } else {
          multiplyTile(1, 1, depth, x, s, y, t, to, cStride)
        }
        column += width
      }
      row += height
    }
  }

  @inline(__always)
  private func multiplyTile(
    _ height: Int, _ width: Int, _ depth: Int, _ a: UnsafePointer<Int16>, _ aScales: Input,
    _ b: UnsafePointer<Int16>, _ bScales: Input, _ c: Output, _ cStride: Int
  ) {
    var sums = TileSums()
    for half in 0..<halves {
      var part = TileSums()
      var first = 0
      while first < depth {
        let end = min(depth, first + runDepth)
        var products = TileSums()
        var k = first + half * 2 * lanes
        while k < end {
          products.addPairs(height, width, a + k, b + k, depth)
          k += step
        }
        part.addInt32(height, width, products)
        first = end
      }
      sums.add(height, width, part)
    }
    @inline(__always)
    func write(_ sums: RowSums, _ row: Int) {
      let to = c + row * cStride
      to[0] = total(sums.v0) * (aScales[row] * bScales[0])
      if width > 1 { to[1] = total(sums.v1) * (aScales[row] * bScales[1]) }
      if width > 2 { to[2] = total(sums.v2) * (aScales[row] * bScales[2]) }
    }
    write(sums.r0, 0)
    if height > 1 {
      write(sums.r1, 1)
      write(sums.r2, 2)
      write(sums.r3, 3)
    }
  }
}

/// Up to four rows of A with up to three of B.
private struct TileSums {
  var r0 = RowSums(), r1 = RowSums(), r2 = RowSums(), r3 = RowSums()

  @inline(__always) init() {}

  @inline(__always)
  mutating func addPairs(
    _ height: Int, _ width: Int, _ a: UnsafePointer<Int16>, _ b: UnsafePointer<Int16>,
    _ stride: Int
  ) {
    let b0 = loadPairsUnaligned(b)
    let b1 = width > 1 ? loadPairsUnaligned(b + stride) : b0
    let b2 = width > 2 ? loadPairsUnaligned(b + 2 * stride) : b0
    r0.addPairs(width, loadPairsUnaligned(a), b0, b1, b2)
    if height > 1 {
      r1.addPairs(width, loadPairsUnaligned(a + stride), b0, b1, b2)
      r2.addPairs(width, loadPairsUnaligned(a + 2 * stride), b0, b1, b2)
      r3.addPairs(width, loadPairsUnaligned(a + 3 * stride), b0, b1, b2)
    }
  }

  @inline(__always)
  mutating func addInt32(_ height: Int, _ width: Int, _ sums: TileSums) {
    r0.addInt32(width, sums.r0)
    if height > 1 {
      r1.addInt32(width, sums.r1)
      r2.addInt32(width, sums.r2)
      r3.addInt32(width, sums.r3)
    }
  }

  @inline(__always)
  mutating func add(_ height: Int, _ width: Int, _ sums: TileSums) {
    r0.add(width, sums.r0)
    if height > 1 {
      r1.add(width, sums.r1)
      r2.add(width, sums.r2)
      r3.add(width, sums.r3)
    }
  }
}
