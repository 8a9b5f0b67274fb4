import Kernels
import TestSupport
import Testing

/// Rows of int16 and their products against whole numbers.
@Suite(.onBothSides) struct Int16MatrixTests {
  private static func numbers(_ count: Int, seed: UInt64, limit: Float) -> [Int16] {
    Samples.uniform(count, seed: seed, -limit, limit).map { Int16($0.rounded()) }
  }

  @Test(arguments: InstructionSet.all, [1, 7, 8, 31, 32, 45])
  func row(set: InstructionSet, count: Int) {
    let depth = blocks(count, of: Int16Products.rowMultiple) * Int16Products.rowMultiple
    let factors = Samples.uniform(count, seed: 2, 0.5, 2)
    for hasFactors in [false, true] {
      let (row, start) = GuardedBuffer.unaligned(Samples.uniform(count, seed: 1))
      let (others, otherStart) = GuardedBuffer.unaligned(factors)
      let rounded = GuardedBuffer(int16: depth)
      let inverse = set.kernels.int16Row(
        start, count: count, factors: hasFactors ? UnsafePointer(otherStart) : nil, limit: 1000,
        to: rounded.pointer, depth: depth)
      let values = (0..<count).map { start[$0] * (hasFactors ? otherStart[$0] : 1) }
      let largest = values.map(abs).max() ?? 0
      #expect(inverse == largest / 1000)
      let scale = 1000 / largest
      for i in 0..<depth {
        #expect(
          rounded[i] == (i < count ? Int16((values[i] * scale).rounded(.toNearestOrEven)) : 0))
      }
      #expect(rounded.isIntact && row.isIntact && others.isIntact)
    }
  }

  @Test(arguments: InstructionSet.all, [Float.nan, .infinity])
  func rowWithoutANumber(set: InstructionSet, value: Float) {
    var values = Samples.uniform(40, seed: 1)
    values[38] = value
    let (row, rounded) = (GuardedBuffer(values), GuardedBuffer(int16: 64))
    let inverse = set.kernels.int16Row(
      row.pointer, count: 40, factors: nil, limit: 1000, to: rounded.pointer, depth: 64)
    #expect(!inverse.isFinite)
    let zeros = GuardedBuffer([Float](repeating: 0, count: 40))
    let small = set.kernels.int16Row(
      zeros.pointer, count: 40, factors: nil, limit: 1000, to: rounded.pointer, depth: 64)
    #expect(small.isFinite && rounded.array.allSatisfy { $0 == 0 })
  }

  /// Sizes that fill no tile, depths of less than a run and of more than one.
  @Test(
    arguments: InstructionSet.all,
    [(1, 1, 32), (4, 3, 64), (5, 7, 96), (9, 2, 1056), (3, 4, 2048)])
  func rowProducts(set: InstructionSet, size: (rows: Int, columns: Int, depth: Int)) {
    let (rows, columns, depth) = size
    let a = GuardedBuffer(Self.numbers(rows * depth, seed: 1, limit: 80))
    let b = GuardedBuffer(Self.numbers(columns * depth, seed: 2, limit: 80))
    let aScales = GuardedBuffer((0..<rows).map { 1 / Float(1 << $0) })
    let bScales = GuardedBuffer((0..<columns).map { Float($0 + 1) })
    let stride = columns + 2
    let (c, start) = GuardedBuffer.unaligned(
      [Float](repeating: 7, count: (rows - 1) * stride + columns))
    set.kernels.multiplyRowsInt16(
      rows: rows, columns: columns, depth: depth, a: a.pointer, aScales: aScales.pointer,
      b: b.pointer, bScales: bScales.pointer, c: start, cStride: stride)
    #expect(c.isIntact)
    for row in 0..<rows {
      for column in 0..<stride where row * stride + column < c.count - 1 {
        guard column < columns else {
          #expect(start[row * stride + column] == 7)
          continue
        }
        let sum = (0..<depth).reduce(0) {
          $0 + Int(a[row * depth + $1]) * Int(b[column * depth + $1])
        }
        // Small enough that float32 has every sum.
        #expect(start[row * stride + column] == Float(sum) * (aScales[row] * bScales[column]))
      }
    }
  }

  @Test(arguments: InstructionSet.all, [(6, 16), (5, 7), (1, 1), (8, 32), (7, 31)])
  func pairsAndTheirProducts(set: InstructionSet, size: (depth: Int, columns: Int)) {
    let kernels = set.kernels
    let panel = kernels.panelLanes
    let (depth, columns) = (size.depth, min(size.columns, panel))
    let pairs = blocks(depth, of: 2)
    let b = Self.numbers((depth - 1) * (columns + 3) + columns, seed: 3, limit: 900)
    let source = GuardedBuffer(b)
    let packed = GuardedBuffer(int16: pairs * panel * 2)
    kernels.packPairs(
      source.pointer, stride: columns + 3, rows: depth, columns: columns, to: packed.pointer)
    #expect(packed.isIntact)
    func element(_ k: Int, _ column: Int) -> Int {
      k < depth && column < columns ? Int(b[k * (columns + 3) + column]) : 0
    }
    for i in 0..<packed.count {
      let (pair, place) = i.quotientAndRemainder(dividingBy: 2 * panel)
      #expect(Int(packed[i]) == element(2 * pair + place % 2, place / 2))
    }
    for rows in [1, 3, 4, 6, 11] {
      let a = GuardedBuffer(Self.numbers((rows - 1) * 12 + 2 * pairs, seed: 4, limit: 900))
      let scales = GuardedBuffer((0..<rows).map { Float($0 + 1) * 0.25 })
      let stride = columns + 1
      let (c, start) = GuardedBuffer.unaligned(
        [Float](repeating: 7, count: (rows - 1) * stride + columns))
      for accumulate in [false, true] {
        kernels.multiplyPanelInt16(
          rows: rows, columns: columns, pairs: pairs, a: a.pointer, aStride: 12,
          scales: scales.pointer, b: packed.pointer, c: start, rowStride: stride,
          accumulate: accumulate)
        for i in 0..<(c.count - 1) {
          let (row, column) = i.quotientAndRemainder(dividingBy: stride)
          let sum = (0..<depth).reduce(0) { $0 + Int(a[row * 12 + $1]) * element($1, column) }
          let value = Float(sum) * scales[row] * (accumulate ? 2 : 1)
          #expect(start[i] == (column < columns ? value : 7))
        }
      }
      #expect(c.isIntact)
    }
  }

  /// Sums that are as large as they may be, and their sum.
  @Test(arguments: InstructionSet.all)
  func productsAtTheLimit(set: InstructionSet) {
    let kernels = set.kernels
    let (data, weight) = (Int16(Int16Products.plainLimit), -Int16(Int16Products.weightLimit))
    let depth = 2048
    let expected = Double(Int(data) * Int(weight)) * Double(depth)
    let a = GuardedBuffer([Int16](repeating: data, count: 4 * depth))
    let b = GuardedBuffer([Int16](repeating: weight, count: 3 * depth))
    let ones = GuardedBuffer([Float](repeating: 1, count: 4))
    let c = GuardedBuffer(output: 12)
    kernels.multiplyRowsInt16(
      rows: 4, columns: 3, depth: depth, a: a.pointer, aScales: ones.pointer, b: b.pointer,
      bScales: ones.pointer, c: c.pointer, cStride: 3)
    #expect(relativeError(c.array, [Double](repeating: expected, count: 12)) < 1e-6)
    let panel = kernels.panelLanes
    let packed = GuardedBuffer([Int16](repeating: weight, count: depth * panel))
    let products = GuardedBuffer(output: 4 * panel)
    kernels.multiplyPanelInt16(
      rows: 4, columns: panel, pairs: depth / 2, a: a.pointer, aStride: depth,
      scales: ones.pointer, b: packed.pointer, c: products.pointer, rowStride: panel,
      accumulate: false)
    #expect(
      relativeError(products.array, [Double](repeating: expected, count: 4 * panel)) < 1e-6)
  }
}
