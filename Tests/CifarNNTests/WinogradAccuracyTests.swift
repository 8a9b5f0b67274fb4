import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// What Winograd's F(4×4, 3×3) costs in accuracy, on the shapes of the tutorial's network, and
/// F(2×2, 5×5) on like ones.
@Suite struct WinogradAccuracyTests {
  struct Case: CustomStringConvertible, Sendable {
    var images = 2
    let inputs: Int
    let outputs: Int
    let size: Int
    var kernel = 3
    var description: String {
      "\(images) × \(inputs)→\(outputs) at \(size)×\(size) by \(kernel)×\(kernel)"
    }
  }

  static let cases = [
    Case(inputs: 32, outputs: 32, size: 32),
    Case(inputs: 32, outputs: 64, size: 16),
    Case(inputs: 64, outputs: 64, size: 16),
    Case(inputs: 64, outputs: 128, size: 8),
    Case(inputs: 128, outputs: 128, size: 8),
    // More inputs than are summed as integers.
    Case(inputs: 256, outputs: 33, size: 8),
    // More tiles than one chunk of the weights' gradient holds.
    Case(images: 5, inputs: 129, outputs: 2, size: 32),
    Case(inputs: 32, outputs: 32, size: 32, kernel: 5),
    Case(inputs: 64, outputs: 64, size: 16, kernel: 5),
    Case(inputs: 128, outputs: 128, size: 8, kernel: 5),
    Case(inputs: 256, outputs: 33, size: 7, kernel: 5),
  ]

  /// Of factors in 16 bits. Direct convolution of bfloat16, which frameworks call mixed precision, is
  /// off by 0.0022 to 0.0024.
  static let int16Bound = 0.002

  /// All instruction sets in one test: the oracle is what takes the time.
  @Test(arguments: cases)
  func errors(_ test: Case) throws {
    let shape = ConvolutionShape(
      inputChannels: test.inputs, outputChannels: test.outputs, height: test.size,
      width: test.size, kernel: test.kernel, padding: test.kernel / 2)
    let image = Samples.uniform(test.images * test.inputs * test.size * test.size, seed: 1)
    let filters = Samples.uniform(test.outputs * test.inputs * test.kernel * test.kernel, seed: 2)
    let bias = Samples.uniform(test.outputs, seed: 3)
    let dy = Samples.uniform(test.images * test.outputs * test.size * test.size, seed: 4)
    let oracle = ConvolutionOracle(shape, images: test.images)
    let expected = oracle.forward(image.doubles, filters.doubles, bias: bias.doubles)
    let expectedData = oracle.backwardData(dy.doubles, filters.doubles)
    let expectedWeights = oracle.backwardWeights(image.doubles, dy.doubles)
    for (set, products) in InstructionSet.withProducts {
      let bench = try LayerBench(
        [.conv2d(filters: test.outputs, kernelSize: test.kernel)],
        from: [test.inputs, test.size, test.size],
        images: test.images, set: set, convolution: .winograd, products: products)
      try bench.setParameter("0.weight", filters)
      try bench.setParameter("0.bias", bias)
      let layer = try AlgorithmLayer(.winograd, shape, bench)
      let y = bench.forward(layer, image)
      let dx = bench.backward(layer, dy)
      let bound = products == .float32 ? 2e-6 : Self.int16Bound
      #expect(relativeError(y, expected) < bound)
      #expect(relativeError(dx, expectedData) < bound)
      #expect(relativeError(try bench.gradient("0.weight"), expectedWeights) < 2 * bound)
    }
  }
}

extension InstructionSet {
  /// Every instruction set with every kind of factors.
  static var withProducts: [(InstructionSet, Products)] {
    all.flatMap { [($0, .float32), ($0, .int16)] }
  }
}

/// A convolution by an algorithm of the test's choice.
final class AlgorithmLayer: Operator {
  private let algorithm: any ConvolutionAlgorithm
  private let bench: LayerBench
  private let bias: GuardedBuffer<Float>

  init(_ choice: ConvolutionChoice, _ shape: ConvolutionShape, _ bench: LayerBench) throws {
    let method = choice.method(
      for: shape, needsInputGradient: true, bench.context.target)
    algorithm = try method.algorithm(bench.context)
    self.bench = bench
    let padded = blocks(shape.outputChannels, of: 2 * bench.context.kernels.lanes)
    bias = GuardedBuffer(
      [Float](repeating: 0, count: padded * 2 * bench.context.kernels.lanes))
    if let values = try? bench.parameter("0.bias") {
      for (i, value) in values.enumerated() { bias.pointer[i] = value }
    }
  }

  func forward(_ pass: Pass) {
    guard let weights = try? bench.network.pointer("0.weight") else { return }
    algorithm.prepare(weights: weights)
    algorithm.forward(
      count: pass.count, input: bench.input.stored, bias: bias.pointer, relu: false,
      output: bench.output.stored, consumer: nil)
  }

  func backward(_ pass: Pass) {
    guard let gradient = bench.output.gradient, let dx = bench.input.gradient,
      let dw = try? bench.network.gradientPointer("0.weight")
    else { return }
    algorithm.backwardWeights(
      batch: BatchPartition(pass.count), input: bench.input.stored,
      outputGradient: Values(gradient),
      weightGradient: dw)
    algorithm.backwardData(
      count: pass.count, outputGradient: Values(gradient), inputGradient: dx, consumer: nil)
  }
}
