import KernelABI

extension KernelSet {
  /// Works in tiles of four by three rows: twelve accumulators along the depth, added up at its end.
  public func multiplyRows(
    rows: Int, columns: Int, depth: Int, a: Input, aStride: Int, b: Input, bStride: Int,
    c: Output, cStride: Int, accumulate: Bool
  ) {
    var row = 0
    while row < rows {
      let height = rows - row >= 4 ? 4 : 1
      var column = 0
      while column < columns {
        let width = columns - column >= 3 ? 3 : 1
        let x = a + row * aStride
        let y = b + column * bStride
        let to = c + row * cStride + column
        if height == 4 && width == 3 {
          multiplyRowTile(4, 3, depth, x, aStride, y, bStride, to, cStride, accumulate)
        } else if height == 4 {
          multiplyRowTile(4, 1, depth, x, aStride, y, bStride, to, cStride, accumulate)
        } else if width == 3 {
          multiplyRowTile(1, 3, depth, x, aStride, y, bStride, to, cStride, accumulate)
        } else {
          multiplyRowTile(1, 1, depth, x, aStride, y, bStride, to, cStride, accumulate)
        }
        column += width
      }
      row += height
    }
  }

  @inline(__always)
  private func multiplyRowTile(
    _ height: Int, _ width: Int, _ depth: Int, _ a: Input, _ aStride: Int, _ b: Input,
    _ bStride: Int, _ c: Output, _ cStride: Int, _ accumulate: Bool
  ) {
    var (r0, r1, r2, r3) = (RowSums(), RowSums(), RowSums(), RowSums())
    var k = 0
    while k + lanes <= depth {
      let b0 = loadUnaligned(b + k)
      let b1 = width > 1 ? loadUnaligned(b + bStride + k) : b0
      let b2 = width > 2 ? loadUnaligned(b + 2 * bStride + k) : b0
      r0.add(width, loadUnaligned(a + k), b0, b1, b2)
      if height > 1 {
        r1.add(width, loadUnaligned(a + aStride + k), b0, b1, b2)
        r2.add(width, loadUnaligned(a + 2 * aStride + k), b0, b1, b2)
        r3.add(width, loadUnaligned(a + 3 * aStride + k), b0, b1, b2)
      }
      k += lanes
    }
    // What is left of the depth is less than a vector.
    func rest(_ x: Input, _ y: Input) -> Float {
      var sum: Float = 0
      for i in k..<depth { sum += x[i] * y[i] }
      return sum
    }
    @inline(__always)
    func write(_ sums: RowSums, _ row: Int) {
      let x = a + row * aStride
      let to = c + row * cStride
      to[0] = (accumulate ? to[0] : 0) + total(sums.v0) + rest(x, b)
      if width > 1 { to[1] = (accumulate ? to[1] : 0) + total(sums.v1) + rest(x, b + bStride) }
      if width > 2 { to[2] = (accumulate ? to[2] : 0) + total(sums.v2) + rest(x, b + 2 * bStride) }
    }
    write(r0, 0)
    if height > 1 {
      write(r1, 1)
      write(r2, 2)
      write(r3, 3)
    }
  }
}

/// Sums of one row of A with up to three of B. Not `Accumulators`: both factors are vectors along the
/// depth, and each sum is one number in the end.
struct RowSums {
  var v0 = Vector.zero, v1 = Vector.zero, v2 = Vector.zero

  @inline(__always) init() {}

  @inline(__always)
  mutating func add(_ width: Int, _ x: Vector, _ b0: Vector, _ b1: Vector, _ b2: Vector) {
    v0 = multiplyAdd(x, b0, v0)
    if width > 1 { v1 = multiplyAdd(x, b1, v1) }
    if width > 2 { v2 = multiplyAdd(x, b2, v2) }
  }
  // MARK: Pairs of int16

  @inline(__always)
  mutating func addPairs(_ width: Int, _ x: Vector, _ b0: Vector, _ b1: Vector, _ b2: Vector) {
    v0 = multiplyAddPairs(x, b0, v0)
    if width > 1 { v1 = multiplyAddPairs(x, b1, v1) }
    if width > 2 { v2 = multiplyAddPairs(x, b2, v2) }
  }

  /// Adds sums of int32.
  @inline(__always)
  mutating func addInt32(_ width: Int, _ sums: RowSums) {
    v0 += fromInt32(sums.v0)
    if width > 1 { v1 += fromInt32(sums.v1) }
    if width > 2 { v2 += fromInt32(sums.v2) }
  }

  @inline(__always)
  mutating func add(_ width: Int, _ sums: RowSums) {
    v0 += sums.v0
    if width > 1 { v1 += sums.v1 }
    if width > 2 { v2 += sums.v2 }
  }
}
