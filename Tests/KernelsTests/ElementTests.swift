import CifarCore
import Kernels
import TestSupport
import Testing

/// Kernels over rows of any length at any address.
@Suite(.onBothSides) struct ElementTests {
  static let counts = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100]

  @Test(arguments: InstructionSet.all, counts)
  func biasAndReLU(set: InstructionSet, count: Int) {
    let values = Samples.uniform(count, seed: 1)
    let (bias, biasStart) = GuardedBuffer.unaligned(Samples.uniform(count, seed: 2))
    for relu in [false, true] {
      let (row, start) = GuardedBuffer.unaligned(values)
      set.kernels.addBias(start, count: count, bias: biasStart, relu: relu)
      let expected = (0..<count).map {
        relu ? max(values[$0] + biasStart[$0], 0) : values[$0] + biasStart[$0]
      }
      #expect(Array(row.array[1...]) == expected)
      #expect(row.isIntact && row[0] == -12_345 && bias.isIntact)
      guard relu else { continue }

      let gradients = Samples.uniform(count, seed: 3)
      let (gradient, gradientStart) = GuardedBuffer.unaligned(gradients)
      set.kernels.reluBackward(output: Values(start), count: count, gradient: gradientStart)
      #expect(
        Array(gradient.array[1...]) == (0..<count).map { expected[$0] > 0 ? gradients[$0] : 0 })
      #expect(gradient.isIntact && gradient[0] == -12_345)
    }
  }

  @Test(arguments: InstructionSet.all, [16, 32, 48, 160])
  func reluBackwardOfBFloat16(set: InstructionSet, count: Int) {
    let values = Samples.uniform(count, seed: 1).map { max(0, $0) }
    let gradients = Samples.uniform(count, seed: 3)
    let (output, gradient) = (GuardedBuffer(halves: values), GuardedBuffer(gradients))
    set.kernels.reluBackward(
      output: Values(base: output.pointer, storage: .bfloat16), count: count,
      gradient: gradient.pointer)
    #expect(gradient.array == (0..<count).map { values[$0] > 0 ? gradients[$0] : 0 })
    #expect(gradient.isIntact && output.isIntact)
  }

  @Test(arguments: InstructionSet.all, [1, 2, 4, 8, 16, 32, 64])
  func pairwiseSums(set: InstructionSet, terms: Int) {
    for vectors in [0, 1, 3] {
      let count = vectors * set.kernels.lanes
      let stride = count + set.kernels.lanes
      let values = Samples.uniform(terms * stride, seed: 1)
      var levels = (0..<terms).map { Array(values[($0 * stride)..<($0 * stride + count)]) }
      while levels.count > 1 {
        levels = (0..<(levels.count / 2)).map { i in
          zip(levels[2 * i], levels[2 * i + 1]).map { $0 + $1 }
        }
      }
      let x = GuardedBuffer(values)
      let sum = GuardedBuffer(output: count)
      set.kernels.addPairwise(
        x.pointer, stride: stride, terms: terms, count: count, to: sum.pointer)
      #expect(sum.array == levels[0] && x.array == values)
      // In place of the first.
      set.kernels.addPairwise(x.pointer, stride: stride, terms: terms, count: count, to: x.pointer)
      #expect(Array(x.array[..<count]) == levels[0])
      #expect(Array(x.array[count...]) == Array(values[count...]))
      #expect(x.isIntact && sum.isIntact)
    }
  }

  @Test(arguments: InstructionSet.all, counts)
  func sumsOfTwo(set: InstructionSet, count: Int) {
    let (x, xStart) = GuardedBuffer.unaligned(Samples.uniform(count, seed: 1))
    let (other, otherStart) = GuardedBuffer.unaligned(Samples.uniform(count, seed: 2))
    for relu in [false, true] {
      let (sum, start) = GuardedBuffer.unaligned([Float](repeating: .nan, count: count))
      set.kernels.add(
        Values(xStart), Values(otherStart), count: count, relu: relu, sum: Values(start))
      let expected = (0..<count).map { i -> Float in
        let z = xStart[i] + otherStart[i]
        return relu ? max(z, 0) : z
      }
      #expect(Array(sum.array[1...]) == expected)
      #expect(sum.isIntact && x.isIntact && other.isIntact && sum[0] == -12_345)
    }
  }

  /// Of numbers that are stored in different ways.
  @Test(arguments: InstructionSet.all, [16, 48])
  func sumsOfTwoStored(set: InstructionSet, count: Int) {
    // What both ways have exactly, so that the sum in bfloat16 is all that is rounded.
    let values = ([1, 2] as [UInt64]).map { seed in
      Samples.uniform(count, seed: seed).map { ($0 * 64).rounded() / 64 }
    }
    let expected = (0..<count).map { max(0, values[0][$0] + values[1][$0]) }
    for places in 0..<8 {
      func stored(_ values: [Float], _ place: Int) -> (keeps: Any, values: Values) {
        if places >> place & 1 == 0 {
          let buffer = GuardedBuffer(values)
          return (buffer, Values(buffer.pointer))
        }
        let buffer = GuardedBuffer(halves: values)
        return (buffer, Values(base: buffer.pointer, storage: .bfloat16))
      }
      let (x, other) = (stored(values[0], 0), stored(values[1], 1))
      let sum = stored([Float](repeating: .nan, count: count), 2)
      set.kernels.add(x.values, other.values, count: count, relu: true, sum: sum.values)
      withExtendedLifetime((x, other, sum)) {
        for i in 0..<count {
          let value =
            sum.values.storage == .float32
            ? sum.values.floats[i] : sum.values.bfloat16s[i].float
          #expect(value == expected[i])
        }
      }
    }
  }

  @Test(arguments: InstructionSet.all, counts)
  func sums(set: InstructionSet, count: Int) {
    let (a, b) = (Samples.uniform(count, seed: 1), Samples.uniform(count, seed: 2))
    let (x, start) = GuardedBuffer.unaligned(a)
    let (sum, sumStart) = GuardedBuffer.unaligned(b)
    set.kernels.accumulate(start, count: count, into: sumStart)
    #expect(Array(sum.array[1...]) == zip(a, b).map { $1 + $0 })
    #expect(x.isIntact && sum.isIntact && sum[0] == -12_345)
  }

  @Test(arguments: InstructionSet.all, counts)
  func averagesMove(set: InstructionSet, count: Int) {
    let (a, b) = (Samples.uniform(count, seed: 1), Samples.uniform(count, seed: 2))
    for weight: Float in [0, 0.001, 0.4, 0.5, 0.9, 1] {
      let (x, start) = GuardedBuffer.unaligned(a)
      let (average, averageStart) = GuardedBuffer.unaligned(b)
      set.kernels.moveToward(start, weight: weight, count: count, average: averageStart)
      let expected = zip(a, b).map { Double($1) + Double(weight) * (Double($0) - Double($1)) }
      #expect(relativeError(Array(average.array[1...]), expected) < 1e-6)
      if weight == 1 { #expect(Array(average.array[1...]) == a) }
      #expect(x.isIntact && average.isIntact && average[0] == -12_345)
    }
  }

  @Test(arguments: InstructionSet.all, counts)
  func valuesAreExchanged(set: InstructionSet, count: Int) {
    let (a, b) = (Samples.uniform(count, seed: 1), Samples.uniform(count, seed: 2))
    let (x, start) = GuardedBuffer.unaligned(a)
    let (y, yStart) = GuardedBuffer.unaligned(b)
    set.kernels.exchange(start, yStart, count: count)
    #expect(Array(x.array[1...]) == b && Array(y.array[1...]) == a)
    #expect(x.isIntact && y.isIntact && x[0] == -12_345 && y[0] == -12_345)
  }

  @Test(arguments: InstructionSet.all, counts)
  func dropoutFollowsItsWords(set: InstructionSet, count: Int) {
    let lanes = set.kernels.lanes
    let draw = DropoutDraw(
      key: [0x1234_5678, 0x9ABC_DEF0], place: [3, 5, 0x104, 0], firstBlock: 4_294_967_288,
      threshold: UInt32(0.4 * 0x1p32))
    // Element i takes a word of the block that the comment at `DropoutDraw` names.
    let kept = (0..<count).map { i -> UInt8 in
      let run = 4 * lanes
      let counter = draw.firstBlock &+ UInt32(i / run * lanes + i % lanes)
      let block = Philox.block(
        counter: [counter, draw.place[0], draw.place[1], draw.place[2]], key: draw.key)
      return block[i % run / lanes] >= draw.threshold ? 1 : 0
    }
    let values = Samples.uniform(count, seed: 1)
    let (row, start) = GuardedBuffer.unaligned(values)
    let mask = GuardedBuffer(outputBytes: count)
    set.kernels.dropout(start, count: count, mask: mask.pointer, draw: draw, scale: 2.5)
    #expect(mask.array == kept)
    #expect(Array(row.array[1...]) == (0..<count).map { kept[$0] == 1 ? values[$0] * 2.5 : 0 })

    let (gradient, gradientStart) = GuardedBuffer.unaligned(values)
    set.kernels.applyMask(gradientStart, count: count, mask: mask.pointer, scale: 2.5)
    #expect(gradient.array == row.array)
    #expect(row.isIntact && mask.isIntact && gradient.isIntact)
  }

  @Test(arguments: InstructionSet.all, [0.0, 0.2, 0.5, 0.9])
  func dropoutKeepsTheShareItShould(set: InstructionSet, rate: Double) {
    let count = 40_000
    let row = GuardedBuffer([Float](repeating: 1, count: count))
    let mask = GuardedBuffer(outputBytes: count)
    let draw = DropoutDraw(
      key: [1, 2], place: [0, 0, 0, 0], firstBlock: 0, threshold: UInt32(rate * 0x1p32))
    set.kernels.dropout(row.pointer, count: count, mask: mask.pointer, draw: draw, scale: 1)
    let share = Double(mask.array.filter { $0 == 1 }.count) / Double(count)
    // Five standard deviations.
    let tolerance = 5 * (rate * (1 - rate) / Double(count)).squareRoot()
    #expect(abs(share - (1 - rate)) <= tolerance)
  }
}
