import KernelABI

private let tileHeight = Accumulators.rows

extension KernelSet {
  public func packPanel(
    _ source: Input, lineStride: Int, step: Int, lines: Int, tile: Int, depth: Int,
    to packed: Output
  ) {
    if lineStride == 1 && lines == tile && tile == panel {
      for k in 0..<depth {
        storeUnaligned(loadUnaligned(source + k * step), packed + k * panel)
        storeUnaligned(loadUnaligned(source + k * step + lanes), packed + k * panel + lanes)
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
    var tile = a
    while row < rows {
      let to = c + row * rowStride
      if rows - row >= tileHeight && columns == panel {
        multiplyTile(depth, tile, b, to, rowStride, accumulate)
      } else {
        withUnsafeTemporaryAllocation(byteCount: tileHeight * panel * 4, alignment: 64) { bytes in
          let sums = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
          multiplyTile(depth, tile, b, sums, panel, false)
          for y in 0..<min(tileHeight, rows - row) {
            for x in 0..<columns {
              let sum = sums[y * panel + x]
              to[y * rowStride + x] = accumulate ? to[y * rowStride + x] + sum : sum
            }
          }
        }
      }
      row += tileHeight
      tile += panelStride
    }
  }

  @inline(__always)
  private func multiplyTile(
    _ depth: Int, _ a: Input, _ b: Input, _ c: Output, _ rowStride: Int, _ accumulate: Bool
  ) {
    var sums = Accumulators()
    var p = a
    var q = b
    for _ in 0..<depth {
      sums.add(tileHeight, p, 1, q)
      p += tileHeight
      q += panel
    }
    sums.forEachRow(tileHeight) { row, first, second in
      let to = c + row * rowStride
      storeUnaligned(accumulate ? loadUnaligned(to) + first : first, to)
      storeUnaligned(accumulate ? loadUnaligned(to + lanes) + second : second, to + lanes)
    }
  }

  public func multiplyPanelByGroups(
    rows: Int, columns: Int, ends: UnsafePointer<Int>, groups: Int, a: Input, panelStride: Int,
    b: Input, c: Output, rowStride: Int
  ) {
    // Sums that wait for their neighbours, one a level of the tree; then a tile that is cut off.
    let tileFloats = tileHeight * panel
    let levels = groups.trailingZeroBitCount
    withUnsafeTemporaryAllocation(byteCount: (levels + 1) * tileFloats * 4, alignment: 64) {
      bytes in
      let waiting = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      let last = waiting + levels * tileFloats
      var row = 0
      var tile = a
      while row < rows {
        let sums = sumOfGroups(ends, groups, tile, b, waiting)
        let to = c + row * rowStride
        if rows - row >= tileHeight && columns == panel {
          sums.forEachRow(tileHeight) { row, first, second in
            storeUnaligned(first, to + row * rowStride)
            storeUnaligned(second, to + row * rowStride + lanes)
          }
        } else {
          sums.write(tileHeight, last)
          for y in 0..<min(tileHeight, rows - row) {
            for x in 0..<columns { to[y * rowStride + x] = last[y * panel + x] }
          }
        }
        row += tileHeight
        tile += panelStride
      }
    }
  }

  @inline(__always)
  private func sumOfGroups(
    _ ends: UnsafePointer<Int>, _ groups: Int, _ a: Input, _ b: Input, _ waiting: Output
  ) -> Accumulators {
    var p = a
    var q = b
    var begin = 0
    @inline(__always)
    func sum(_ group: Int) -> Accumulators {
      var sums = Accumulators()
      for _ in begin..<ends[group] {
        sums.add(tileHeight, p, 1, q)
        p += tileHeight
        q += panel
      }
      begin = ends[group]
      return sums
    }
    if groups == 1 { return sum(0) }
    var top = waiting
    var sums = Accumulators()
    for pair in 0..<(groups / 2) {
      // Two neighbours have room in the registers.
      let first = sum(2 * pair)
      sums = sum(2 * pair + 1)
      sums.addEarlier(tileHeight, first)
      // As in a binary counter, each 1 at the end is a sum that now has its neighbour.
      var left = pair
      while left & 1 == 1 {
        top -= tileHeight * panel
        var earlier = Accumulators()
        earlier.read(tileHeight, top)
        sums.addEarlier(tileHeight, earlier)
        left >>= 1
      }
      if 2 * pair + 2 < groups {
        sums.write(tileHeight, top)
        top += tileHeight * panel
      }
    }
    return sums
  }
}
