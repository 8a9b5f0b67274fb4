import CifarCore
import Kernels
import TestSupport
import Testing

/// Kernels of the optimizers, over runs of parameters of any length at any address.
@Suite(.onBothSides) struct OptimizerTests {
  @Test(arguments: InstructionSet.all, ElementTests.counts)
  func squareSums(set: InstructionSet, count: Int) {
    let values = Samples.uniform(count, seed: 1, -1e3, 1e3)
    let (x, start) = GuardedBuffer.unaligned(values)
    let sum = set.kernels.squareSum(start, count: count)
    // Eight sums, then what is left: to the bit, whatever the instruction set is.
    let whole = count / 8 * 8
    var sums = [Double](repeating: 0, count: 8)
    for i in 0..<whole { sums[i % 8] += Double(values[i]) * Double(values[i]) }
    var expected = sums.reduce(0, +)
    for value in values[whole...] { expected += Double(value) * Double(value) }
    #expect(sum == expected)
    #expect(x.isIntact)
  }

  /// A single NaN is not lost, and no square overflows or vanishes.
  @Test(arguments: InstructionSet.all) func squareSumsOfExtremes(set: InstructionSet) {
    #expect(set.kernels.squareSum([Float](repeating: 3e38, count: 9), count: 9).isFinite)
    #expect(set.kernels.squareSum([Float](repeating: 1e-45, count: 9), count: 9) > 0)
    for place in [0, 7, 8] {
      var values = [Float](repeating: 1, count: 9)
      values[place] = .nan
      #expect(set.kernels.squareSum(values, count: 9).isNaN)
    }
  }

  @Test(arguments: InstructionSet.all, ElementTests.counts)
  func scale(set: InstructionSet, count: Int) {
    let values = Samples.uniform(count, seed: 1)
    let (row, start) = GuardedBuffer.unaligned(values)
    set.kernels.scale(start, count: count, factor: 0.3)
    let expected: [Float] = values.map { $0 * 0.3 }
    #expect(Array(row.array[1...]) == expected)
    #expect(row.isIntact && row[0] == -12_345)
  }

  @Test(arguments: InstructionSet.all, ElementTests.counts)
  func clip(set: InstructionSet, count: Int) {
    var values = Samples.uniform(count, seed: 1)
    for i in stride(from: 0, to: count, by: 5) { values[i] = i % 2 == 0 ? .nan : -.infinity }
    let (row, start) = GuardedBuffer.unaligned(values)
    set.kernels.clip(start, count: count, limit: 0.25)
    for i in 0..<count {
      let expected = min(max(values[i], -0.25), 0.25)
      #expect(values[i].isNaN ? start[i].isNaN : start[i] == expected)
    }
    #expect(row.isIntact && row[0] == -12_345)
  }

  @Test(arguments: InstructionSet.all, ElementTests.counts)
  func decay(set: InstructionSet, count: Int) {
    let (g, w) = (Samples.uniform(count, seed: 1), Samples.uniform(count, seed: 2))
    let (gradients, gradientStart) = GuardedBuffer.unaligned(g)
    let (weights, weightStart) = GuardedBuffer.unaligned(w)
    set.kernels.decay(
      count: count, parameters: weightStart, gradients: gradientStart, scale: 0.7, penalty: 0.01,
      keep: 0.9)
    // To the bit: neither product is fused with the sum.
    let penalised = zip(g, w).map { g, w -> Float in g * 0.7 + 0.01 * w }
    let kept = w.map { w -> Float in w * 0.9 }
    #expect(Array(gradients.array[1...]) == penalised)
    #expect(Array(weights.array[1...]) == kept)
    #expect(gradients.isIntact && weights.isIntact)
    #expect(gradients[0] == -12_345 && weights[0] == -12_345)
  }

  struct Descent: Sendable {
    let momentum: Double
    let nesterov: Bool
    let keras: Bool
  }

  static let descents = [false, true].flatMap { keras in
    [
      Descent(momentum: 0, nesterov: false, keras: keras),
      Descent(momentum: 0.9, nesterov: false, keras: keras),
      Descent(momentum: 0.9, nesterov: true, keras: keras),
    ]
  }

  @Test(arguments: InstructionSet.all, ElementTests.counts)
  func sgd(set: InstructionSet, count: Int) {
    for test in OptimizerTests.descents {
      let start = Samples.uniform(count, seed: 1)
      let (parameters, w) = GuardedBuffer.unaligned(start)
      let (momenta, m) = GuardedBuffer.unaligned([Float](repeating: 0, count: count))
      var oracles = start.map { RowOracles.SGD(Double($0), momentum: test.momentum) }
      for (step, rate) in [0.1, 0.1, 0.01].enumerated() {
        let values = Samples.uniform(count, seed: 10 + UInt64(step))
        let (gradients, g) = GuardedBuffer.unaligned(values)
        set.kernels.sgd(
          count: count, parameters: w, gradients: g, momenta: test.momentum == 0 ? nil : m,
          step: SGDStep(
            momentum: Float(test.momentum), isNesterov: test.nesterov,
            gradientFactor: test.keras ? -Float(rate) : 1,
            stepFactor: test.keras ? 1 : -Float(rate)))
        for i in 0..<count {
          oracles[i].move(
            gradient: Double(values[i]), rate: rate, nesterov: test.nesterov, keras: test.keras)
        }
        #expect(gradients.isIntact && Array(gradients.array[1...]) == values)
      }
      #expect(relativeError(Array(parameters.array[1...]), oracles.map(\.value)) < 1e-6)
      if test.momentum != 0 {
        #expect(relativeError(Array(momenta.array[1...]), oracles.map(\.average)) < 1e-6)
      }
      #expect(parameters.isIntact && momenta.isIntact)
      #expect(parameters[0] == -12_345 && momenta[0] == -12_345)
    }
  }

  /// Instruction sets agree to the bit, and a number does not depend on where it lies in a vector.
  @Test(arguments: InstructionSet.all) func sgdIsRoundedAlike(set: InstructionSet) {
    let (values, start) = (Samples.uniform(37, seed: 1), Samples.uniform(37, seed: 2))
    let old = Samples.uniform(37, seed: 3)
    let step = SGDStep(momentum: 0.9, isNesterov: true, gradientFactor: -0.01, stepFactor: 1)
    var (w, m) = (start, old)
    set.kernels.sgd(count: 37, parameters: &w, gradients: values, momenta: &m, step: step)
    for i in 0..<37 {
      let momentum: Float = 0.9 * old[i] - 0.01 * values[i]
      #expect(m[i] == momentum)
      let move: Float = 0.9 * momentum - 0.01 * values[i]
      #expect(w[i] == start[i] + move)
    }
  }

  @Test(arguments: InstructionSet.all, ElementTests.counts)
  func adam(set: InstructionSet, count: Int) {
    for keras in [false, true] {
      let start = Samples.uniform(count, seed: 1)
      let parameters = GuardedBuffer(start)
      let averages = GuardedBuffer([Float](repeating: 0, count: count))
      let squares = GuardedBuffer([Float](repeating: 0, count: count))
      var oracles = start.map { RowOracles.Adam(Double($0)) }
      var correction1 = 1.0
      var correction2 = 1.0
      for step in 1...3 {
        // Every second one so small that it matters where epsilon stands.
        let gradients = GuardedBuffer(
          Samples.uniform(count, seed: 10 + UInt64(step)).enumerated().map { i, g in
            i % 2 == 0 ? g : g * 1e-6
          })
        correction1 *= 0.9
        correction2 *= 0.999
        let (c1, root) = (1 - correction1, (1 - correction2).squareRoot())
        set.kernels.adam(
          count: count, parameters: parameters.pointer,
          gradients: gradients.pointer, averages: averages.pointer,
          squares: squares.pointer,
          step: AdamStep(
            beta1: 0.9, beta2: 0.999, rate: Float(keras ? 0.01 * root / c1 : 0.01 / c1),
            rootScale: Float(keras ? 1 : 1 / root), epsilon: 1e-7))
        for i in 0..<count {
          oracles[i].move(
            gradient: Double(gradients[i]), rate: 0.01, epsilon: 1e-7, keras: keras)
        }
      }
      #expect(relativeError(parameters.array, oracles.map(\.value)) < 1e-6)
      #expect(relativeError(averages.array, oracles.map(\.average)) < 1e-6)
      // 1 − 0.999 has only five correct digits in float32.
      #expect(relativeError(squares.array, oracles.map(\.square)) < 2e-5)
      #expect(parameters.isIntact && averages.isIntact && squares.isIntact)
    }
  }
}
