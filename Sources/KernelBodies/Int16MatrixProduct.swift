import KernelABI

private let tileHeight = Accumulators.rows

extension KernelSet {
  public func packPairs(
    _ source: UnsafePointer<Int16>, stride: Int, rows: Int, columns: Int,
    to packed: UnsafeMutablePointer<Int16>
  ) {
    var to = packed
    for row in Swift.stride(from: 0, to: rows, by: 2) {
      let first = source + row * stride
      let hasSecond = row + 1 < rows
      let second = hasSecond ? first + stride : first
      if columns == panel && hasSecond {
        storePairs(loadPairs(first, second), to)
        storePairs(loadPairs(first + lanes, second + lanes), to + 2 * lanes)
      } else {
        for column in 0..<panel {
          to[2 * column] = column < columns ? first[column] : 0
          to[2 * column + 1] = column < columns && hasSecond ? second[column] : 0
        }
      }
      to += 2 * panel
    }
  }

  public func multiplyPanelInt16(
    rows: Int, columns: Int, pairs: Int, a: UnsafePointer<Int16>, aStride: Int, scales: Input,
    b: UnsafePointer<Int16>, c: Output, rowStride: Int, accumulate: Bool
  ) {
    var row = 0
    while row < rows {
      let left = rows - row
      let height = left >= tileHeight ? tileHeight : left >= 4 ? 4 : 1
      let from = a + row * aStride
      var sums = Accumulators()
      if height == tileHeight {
        addProducts(tileHeight, pairs, from, aStride, b, &sums)
      } else if height == 4 {
        addProducts(4, pairs, from, aStride, b, &sums)
      } else {
        addProducts(1, pairs, from, aStride, b, &sums)
      }
      sums.forEachRow(height) { index, first, second in
        let to = c + (row + index) * rowStride
        let scale = broadcast(scales + row + index)
        if columns == panel {
          writeRow(first * scale, second * scale, to, accumulate)
          return
        }
        withUnsafeTemporaryAllocation(byteCount: panel * 4, alignment: 64) { bytes in
          let part = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
          store(first * scale, part)
          store(second * scale, part + lanes)
          for x in 0..<columns { to[x] = accumulate ? to[x] + part[x] : part[x] }
        }
      }
      row += height
    }
  }

  @inline(__always)
  private func addProducts(
    _ height: Int, _ pairs: Int, _ a: UnsafePointer<Int16>, _ aStride: Int,
    _ b: UnsafePointer<Int16>, _ sums: inout Accumulators
  ) {
    var (p, q) = (a, b)
    var left = pairs
    while left > 0 {
      let run = min(left, Int16Products.sumProducts / 2)
      var products = Accumulators()
      for _ in 0..<run {
        products.addPairs(height, p, aStride, q)
        p += 2
        q += 2 * panel
      }
      sums.addInt32(height, products)
      left -= run
    }
  }

  @inline(__always)
  private func writeRow(_ first: Vector, _ second: Vector, _ to: Output, _ accumulate: Bool) {
    storeUnaligned(accumulate ? loadUnaligned(to) + first : first, to)
    storeUnaligned(accumulate ? loadUnaligned(to + lanes) + second : second, to + lanes)
  }
}
