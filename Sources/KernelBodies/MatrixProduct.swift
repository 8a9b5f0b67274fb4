import KernelABI

extension KernelSet {
  public func packPanel(
    _ source: Input, lineStride: Int, step: Int, lines: Int, tile: Int, depth: Int,
    to packed: Output
  ) {
    if lineStride == 1 && lines == tile && tile == pair {
      for k in 0..<depth {
        storeUnaligned(loadUnaligned(source + k * step), packed + k * pair)
        storeUnaligned(loadUnaligned(source + k * step + lanes), packed + k * pair + lanes)
      }
      return
    }
    for k in 0..<depth {
      let to = packed + k * tile
      let from = source + k * step
      for line in 0..<lines { to[line] = from[line * lineStride] }
      for line in lines..<tile { to[line] = 0 }
    }
  }

  public func multiplyPanel(
    rows: Int, columns: Int, depth: Int, a: Input, panelStride: Int, b: Input,
    c: Output, rowStride: Int, accumulate: Bool
  ) {
    var row = 0
    var panel = a
    while row < rows {
      let to = c + row * rowStride
      if rows - row >= 6 && columns == pair {
        multiplyTile(depth, panel, b, to, rowStride, accumulate)
      } else {
        withUnsafeTemporaryAllocation(byteCount: 6 * pair * 4, alignment: 64) { bytes in
          let tile = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
          multiplyTile(depth, panel, b, tile, pair, false)
          for y in 0..<min(6, rows - row) {
            for x in 0..<columns {
              let sum = tile[y * pair + x]
              to[y * rowStride + x] = accumulate ? to[y * rowStride + x] + sum : sum
            }
          }
        }
      }
      row += 6
      panel += panelStride
    }
  }

  /// A tile of 6×16: twelve accumulators, two vectors of B and one broadcast of A fill the sixteen
  /// registers.
  @inline(__always)
  private func multiplyTile(
    _ depth: Int, _ a: Input, _ b: Input, _ c: Output, _ rowStride: Int, _ accumulate: Bool
  ) {
    var (r0, r1, r2, r3, r4, r5): (Vector, Vector, Vector, Vector, Vector, Vector) =
      (.zero, .zero, .zero, .zero, .zero, .zero)
    var (s0, s1, s2, s3, s4, s5): (Vector, Vector, Vector, Vector, Vector, Vector) =
      (.zero, .zero, .zero, .zero, .zero, .zero)
    var p = a
    var q = b
    for _ in 0..<depth {
      let b0 = load(q)
      let b1 = load(q + lanes)
      let a0 = broadcast(p)
      r0 = multiplyAdd(a0, b0, r0)
      s0 = multiplyAdd(a0, b1, s0)
      let a1 = broadcast(p + 1)
      r1 = multiplyAdd(a1, b0, r1)
      s1 = multiplyAdd(a1, b1, s1)
      let a2 = broadcast(p + 2)
      r2 = multiplyAdd(a2, b0, r2)
      s2 = multiplyAdd(a2, b1, s2)
      let a3 = broadcast(p + 3)
      r3 = multiplyAdd(a3, b0, r3)
      s3 = multiplyAdd(a3, b1, s3)
      let a4 = broadcast(p + 4)
      r4 = multiplyAdd(a4, b0, r4)
      s4 = multiplyAdd(a4, b1, s4)
      let a5 = broadcast(p + 5)
      r5 = multiplyAdd(a5, b0, r5)
      s5 = multiplyAdd(a5, b1, s5)
      p += 6
      q += pair
    }
    writeRow(r0, s0, c, accumulate)
    writeRow(r1, s1, c + rowStride, accumulate)
    writeRow(r2, s2, c + 2 * rowStride, accumulate)
    writeRow(r3, s3, c + 3 * rowStride, accumulate)
    writeRow(r4, s4, c + 4 * rowStride, accumulate)
    writeRow(r5, s5, c + 5 * rowStride, accumulate)
  }

  @inline(__always)
  private func writeRow(_ r: Vector, _ s: Vector, _ c: Output, _ accumulate: Bool) {
    storeUnaligned(accumulate ? loadUnaligned(c) + r : r, c)
    storeUnaligned(accumulate ? loadUnaligned(c + lanes) + s : s, c + lanes)
  }
}
