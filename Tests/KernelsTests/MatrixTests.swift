import Kernels
import TestSupport
import Testing

@Suite(.onBothSides) struct MatrixTests {
  @Test(arguments: InstructionSet.all, [1, 3, 5, 6, 16])
  func linesArePacked(set: InstructionSet, lines: Int) {
    let depth = 5
    for tile in [set.kernels.tileRows, set.kernels.panelLanes] where lines <= tile {
      // Lines along rows, and lines along columns: of A and of B, transposed or not.
      for (lineStride, step) in [(7, 1), (1, 23)] {
        let needed = (lines - 1) * lineStride + (depth - 1) * step + 1
        let source = GuardedBuffer(Samples.uniform(needed, seed: 1))
        let packed = GuardedBuffer(output: depth * tile)  // (depth, tile)
        set.kernels.packPanel(
          source.pointer, lineStride: lineStride, step: step, lines: lines, tile: tile,
          depth: depth,
          to: packed.pointer)
        for i in 0..<(depth * tile) {
          let (k, line) = i.quotientAndRemainder(dividingBy: tile)
          #expect(packed[i] == (line < lines ? source[line * lineStride + k * step] : 0))
        }
        #expect(packed.isIntact && source.isIntact)
      }
    }
  }

  @Test(
    arguments: InstructionSet.all,
    [
      (1, 1, 1), (6, 16, 8), (7, 5, 9), (13, 16, 64), (5, 15, 3), (18, 16, 1), (20, 10, 31),
      (1, 2, 3), (2, 1, 1),
      (3, 3, 2), (12, 8, 7),
    ])
  func products(set: InstructionSet, size: (rows: Int, columns: Int, depth: Int)) {
    let (rows, columns, depth) = size
    let kernels = set.kernels
    let (tileRows, tileColumns) = (kernels.tileRows, kernels.panelLanes)
    guard columns <= tileColumns else { return }
    let a = GuardedBuffer(Samples.uniform(rows * depth, seed: 1))  // (rows, depth)
    let b = GuardedBuffer(Samples.uniform(depth * columns, seed: 2))  // (depth, columns)
    let panelStride = tileRows * depth
    let packedA = GuardedBuffer(output: blocks(rows, of: tileRows) * panelStride)
    for panel in 0..<blocks(rows, of: tileRows) {
      kernels.packPanel(
        a.pointer + panel * tileRows * depth, lineStride: depth, step: 1,
        lines: min(tileRows, rows - panel * tileRows), tile: tileRows, depth: depth,
        to: packedA.pointer + panel * panelStride)
    }
    let packedB = GuardedBuffer(output: depth * tileColumns)
    kernels.packPanel(
      b.pointer, lineStride: 1, step: columns, lines: columns, tile: tileColumns,
      depth: depth, to: packedB.pointer)
    // Rows of C are two floats further apart than they are long, and what lies between is not C's.
    let rowStride = columns + 2
    for accumulate in [false, true] {
      let old = Samples.uniform((rows - 1) * rowStride + columns, seed: 3)
      let (c, start) = GuardedBuffer.unaligned(old)
      kernels.multiplyPanel(
        rows: rows, columns: columns, depth: depth, a: packedA.pointer, panelStride: panelStride,
        b: packedB.pointer, c: start, rowStride: rowStride, accumulate: accumulate)
      let product = RowOracles.multiply(
        a.array.doubles, b.array.doubles, rows: rows, depth: depth, columns: columns)
      var expected = old.doubles
      for i in 0..<(rows * columns) {
        let place = i / columns * rowStride + i % columns
        expected[place] = product[i] + (accumulate ? expected[place] : 0)
      }
      #expect(relativeError(Array(c.array[1...]), expected) < 1e-6)
      #expect(c.isIntact)
      for row in 0..<(rows - 1) {
        #expect(start[row * rowStride + columns] == old[row * rowStride + columns])
      }
    }
  }

  /// Each group of the depth is summed as it is alone, and the sums are added along the tree, to the
  /// bit; groups may be empty.
  @Test(
    arguments: InstructionSet.all,
    [([40], 6), ([3, 7], 16), ([0, 5, 5, 21], 5), ([1, 3, 3, 8, 9, 20, 33, 33], 16)])
  func productsByGroups(set: InstructionSet, test: (ends: [Int], columns: Int)) {
    let (ends, columns) = test
    let kernels = set.kernels
    let (tileRows, tileColumns) = (kernels.tileRows, kernels.panelLanes)
    guard columns <= tileColumns, let depth = ends.last else { return }
    for columns in [columns, tileColumns] {
      let rows = 2 * tileRows + 1
      let panelStride = depth * tileRows
      let a = GuardedBuffer(Samples.uniform(3 * panelStride, seed: 1))  // (3, depth, tile)
      let b = GuardedBuffer(Samples.uniform(depth * tileColumns, seed: 2))  // (depth, panel)
      let (c, start) = GuardedBuffer.unaligned([Float](repeating: .nan, count: rows * columns))
      kernels.multiplyPanelByGroups(
        rows: rows, columns: columns, ends: ends, groups: ends.count, a: a.pointer,
        panelStride: panelStride, b: b.pointer, c: start, rowStride: columns)
      var terms = zip([0] + ends, ends).map { begin, end in
        var sums = [Float](repeating: .nan, count: rows * columns)
        kernels.multiplyPanel(
          rows: rows, columns: columns, depth: end - begin, a: a.pointer + begin * tileRows,
          panelStride: panelStride, b: b.pointer + begin * tileColumns, c: &sums,
          rowStride: columns,
          accumulate: false)
        return sums
      }
      while terms.count > 1 {
        terms = stride(from: 0, to: terms.count, by: 2).map { i in
          zip(terms[i], terms[i + 1]).map { $0 + $1 }
        }
      }
      #expect(Array(c.array[1...]) == terms[0])
      #expect(c.isIntact && a.isIntact && b.isIntact && c[0] == -12_345)
    }
  }

  /// Depths that fill no vector, and sizes that fill no tile.
  @Test(
    arguments: InstructionSet.all,
    [
      (1, 1, 1), (4, 3, 16), (5, 7, 33), (1, 10, 512), (9, 2, 40), (8, 12, 15), (2, 2, 2),
      (3, 1, 7), (1, 2, 9),
    ])
  func rowProducts(set: InstructionSet, size: (rows: Int, columns: Int, depth: Int)) {
    let (rows, columns, depth) = size
    // (rows, depth) and (columns, depth), their rows a number further apart than they are long.
    let stride = depth + 1
    let a = GuardedBuffer(Samples.uniform(rows * stride - 1, seed: 1))
    let b = GuardedBuffer(Samples.uniform(columns * stride - 1, seed: 2))
    let plain = (0..<(rows * depth)).map { a[$0 / depth * stride + $0 % depth] }
    let transposed = (0..<(depth * columns)).map { b[$0 % columns * stride + $0 / columns] }
    let product = RowOracles.multiply(
      plain.doubles, transposed.doubles, rows: rows, depth: depth, columns: columns)
    for accumulate in [false, true] {
      let old = Samples.uniform(rows * (columns + 1) - 1, seed: 3)
      let (c, start) = GuardedBuffer.unaligned(old)
      set.kernels.multiplyRows(
        rows: rows, columns: columns, depth: depth, a: a.pointer, aStride: stride,
        b: b.pointer, bStride: stride, c: start, cStride: columns + 1, accumulate: accumulate)
      for row in 0..<rows {
        let part = (0..<columns).map { start[row * (columns + 1) + $0] }
        let expected = (0..<columns).map {
          product[row * columns + $0] + (accumulate ? Double(old[row * (columns + 1) + $0]) : 0)
        }
        #expect(relativeError(part, expected) < 1e-6)
        let between = row * (columns + 1) + columns
        #expect(row == rows - 1 || start[between] == old[between])
      }
      #expect(c.isIntact)
    }
  }
}
