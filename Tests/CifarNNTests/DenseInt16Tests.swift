import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// Dense layers whose forward pass and data's gradient multiply int16.
@Suite struct DenseInt16Tests {
  private static let (images, features, units) = (7, 300, 67)

  /// The passes over rows and gradients.
  private func passes(
    _ set: InstructionSet, _ x: [Float], _ dy: [Float], images: Int = images, threads: Int = 2
  ) throws -> (y: [Float], dx: [Float], dw: [Float]) {
    let bench = try LayerBench(
      [.flatten, .dense(units: Self.units)], first: 1, from: [1, 1, Self.features],
      images: images, set: set, threads: threads, products: .int16)
    guard case .dense(let group) = bench.groups[1] else {
      throw CifarError(.internal, "\(bench.groups)")
    }
    let layer = try Dense(group, input: bench.input, output: bench.output, context: bench.context)
    try bench.setParameter("1.weight", weights)
    try bench.setParameter("1.bias", bias)
    let (y, dx) = (bench.forward(layer, x), bench.backward(layer, dy))
    return (y, dx, try bench.gradient("1.weight"))
  }

  private var weights: [Float] { Samples.uniform(Self.units * Self.features, seed: 1) }
  private var bias: [Float] { Samples.uniform(Self.units, seed: 2) }
  private var x: [Float] { Samples.uniform(Self.images * Self.features, seed: 3) }
  private var dy: [Float] { Samples.uniform(Self.images * Self.units, seed: 4) }

  private func dx(_ dy: [Float]) -> [Double] {
    RowOracles.multiply(
      dy.doubles, weights.doubles, rows: Self.images, depth: Self.units, columns: Self.features)
  }

  @Test(arguments: InstructionSet.all)
  func errors(set: InstructionSet) throws {
    let result = try passes(set, x, dy)
    let y = RowOracles.dense(
      x.doubles, weight: weights.doubles, bias: bias.doubles, features: Self.features)
    #expect(relativeError(result.y, y) < 2e-4)
    #expect(relativeError(result.dx, dx(dy)) < 2e-4)
    // Rounded they are.
    #expect(relativeError(result.y, y) > 1e-5)
    let gradients = (0..<Self.units).flatMap { unit in
      (0..<Self.images).map { Double(dy[$0 * Self.units + unit]) }
    }
    let dw = RowOracles.multiply(
      gradients, x.doubles, rows: Self.units, depth: Self.images, columns: Self.features)
    #expect(relativeError(result.dw, dw) < 1e-6)
  }

  /// The bits depend neither on the instruction set nor on the number of threads nor on the batch.
  @Test func sameBitsEverywhere() throws {
    let sets = InstructionSet.all
    let first = try passes(sets[0], x, dy)
    for set in sets {
      for threads in [1, 3] {
        let other = try passes(set, x, dy, threads: threads)
        #expect(other.y == first.y && other.dx == first.dx)
      }
      for place in [0, 4, 6] {
        let row = (place * Self.features)..<((place + 1) * Self.features)
        let gradient = (place * Self.units)..<((place + 1) * Self.units)
        let alone = try passes(set, Array(x[row]), Array(dy[gradient]), images: 1)
        #expect(alone.y == Array(first.y[gradient]))
        #expect(alone.dx == Array(first.dx[row]))
      }
    }
  }

  /// A gradient that is 10⁴ times its neighbours' takes nothing from theirs.
  @Test(arguments: InstructionSet.all)
  func outlierKeepsItsNeighbours(set: InstructionSet) throws {
    var large = dy
    let outlier = (2 * Self.units)..<(3 * Self.units)
    for i in outlier { large[i] *= 1e4 }
    let (result, plain) = (try passes(set, x, large), try passes(set, x, dy))
    for i in 0..<Self.images where i != 2 {
      let row = (i * Self.features)..<((i + 1) * Self.features)
      #expect(result.dx[row] == plain.dx[row])
    }
    #expect(relativeError(result.dx, dx(large)) < 2e-4)
  }

  @Test(arguments: InstructionSet.all, [Float.nan, .infinity])
  func notANumber(set: InstructionSet, value: Float) throws {
    var (x, dy) = (x, dy)
    let clean = try passes(set, x, dy)
    x[Self.features + 5] = value
    dy[Self.units + 7] = value
    let result = try passes(set, x, dy)
    for (one, other, size) in [
      (result.y, clean.y, Self.units), (result.dx, clean.dx, Self.features),
    ] {
      #expect(one[..<size] == other[..<size] && one[(2 * size)...] == other[(2 * size)...])
      #expect(one[size..<(2 * size)].contains { !$0.isFinite })
    }
  }
}
