import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

@Suite struct ConvolutionLayerTests {
  struct Case: CustomStringConvertible, Sendable {
    let inputs: Int
    let outputs: Int
    let size: [Int]
    var kernel = 3
    var stride = 1
    var padding = LayerSpec.Padding.same
    let choice: ConvolutionChoice
    var description: String {
      "\(choice) \(inputs)→\(outputs) at \(size), \(kernel)×\(kernel)/\(stride) \(padding)"
    }
  }

  static let cases = [
    Case(inputs: 3, outputs: 5, size: [6, 7], choice: .direct),
    Case(inputs: 9, outputs: 4, size: [7, 5], kernel: 5, choice: .direct),
    Case(inputs: 3, outputs: 6, size: [7, 6], stride: 2, choice: .direct),
    Case(
      inputs: 4, outputs: 17, size: [6, 6], kernel: 5, stride: 2, padding: .valid, choice: .direct),
    Case(inputs: 6, outputs: 3, size: [5, 4], kernel: 1, choice: .direct),
    Case(
      inputs: 5, outputs: 9, size: [7, 5], kernel: 1, stride: 2, padding: .valid, choice: .direct),
    Case(inputs: 3, outputs: 6, size: [6, 8], stride: 2, padding: .sameUpper, choice: .direct),
    Case(
      inputs: 3, outputs: 4, size: [6, 6], kernel: 5, stride: 2, padding: .sameUpper,
      choice: .direct),
    Case(inputs: 3, outputs: 5, size: [6, 7], choice: .winograd),
    Case(inputs: 17, outputs: 9, size: [9, 4], choice: .winograd),
    Case(inputs: 9, outputs: 18, size: [7, 6], kernel: 5, choice: .winograd),
  ]

  /// Both algorithms against central differences of the convolution in double.
  @Test(arguments: InstructionSet.all, cases)
  func gradients(set: InstructionSet, test: Case) throws {
    let bench = try bench(set, test)
    let shape = shape(test)
    let layer = try AlgorithmLayer(test.choice, shape, bench)
    let x = Samples.uniform(bench.pass.count * test.inputs * test.size[0] * test.size[1], seed: 1)
    let filters = try bench.parameter("0.weight")
    let oracle = ConvolutionOracle(shape, images: bench.pass.count)
    let y = bench.forward(layer, x)
    let bias = try bench.parameter("0.bias")
    #expect(
      relativeError(y, oracle.forward(x.doubles, filters.doubles, bias: bias.doubles)) < 2e-6)
    let dy = Samples.uniform(y.count, seed: 2)
    let dx = bench.backward(layer, dy)
    let errorOfData = GradientCheck.relativeError(of: dx, at: x.doubles, most: 30) {
      GradientCheck.project(oracle.forward($0, filters.doubles), on: dy)
    }
    let dw = try bench.gradient("0.weight")
    let errorOfWeights = GradientCheck.relativeError(of: dw, at: filters.doubles, most: 30) {
      GradientCheck.project(oracle.forward(x.doubles, $0), on: dy)
    }
    #expect(errorOfData < 4e-6)
    #expect(errorOfWeights < 4e-6)
  }

  /// The layer itself adds the bias, and chooses its algorithm.
  @Test(arguments: InstructionSet.all, [(3, 5), (16, 17)])
  func theWholeLayer(set: InstructionSet, channels: (Int, Int)) throws {
    let test = Case(inputs: channels.0, outputs: channels.1, size: [6, 5], choice: .auto)
    let bench = try bench(set, test)
    guard case .convolution(let group) = bench.groups[0] else {
      Issue.record("\(bench.groups)")
      return
    }
    let method = ConvolutionChoice.auto.method(
      for: shape(test), needsInputGradient: true, bench.context.target)
    let layer = try Convolution(
      group, method, input: bench.input, output: bench.output, context: bench.context)
    let x = Samples.uniform(bench.pass.count * test.inputs * 30, seed: 1)
    let oracle = ConvolutionOracle(shape(test), images: bench.pass.count)
    for seed in [1, 2] as [UInt64] {
      // New weights are packed again.
      try bench.setParameter("0.weight", Samples.uniform(channels.0 * channels.1 * 9, seed: seed))
      let filters = try bench.parameter("0.weight")
      let bias = try bench.parameter("0.bias")
      let y = bench.forward(layer, x)
      #expect(
        relativeError(y, oracle.forward(x.doubles, filters.doubles, bias: bias.doubles)) < 2e-6)
      let dy = Samples.uniform(y.count, seed: 3)
      let dx = bench.backward(layer, dy)
      #expect(relativeError(dx, oracle.backwardData(dy.doubles, filters.doubles)) < 2e-6)
      #expect(
        relativeError(
          try bench.gradient("0.weight"), oracle.backwardWeights(x.doubles, dy.doubles)) < 4e-6)
      var sums = [Double](repeating: 0, count: test.outputs)
      for (i, value) in dy.enumerated() { sums[i / 30 % test.outputs] += Double(value) }
      #expect(relativeError(try bench.gradient("0.bias"), sums) < 2e-6)
    }
  }

  @Test func winogradIsTakenWhereItPays() throws {
    let target = PlanTarget(
      mode: .training, batchSize: 1, threads: 1, tiles: KernelTiles(Kernels.current))
    func isWinograd(_ inputs: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1) -> Bool {
      let shape = ConvolutionShape(
        inputChannels: inputs, outputChannels: outputs, height: 8, width: 8, kernel: kernel,
        stride: stride, padding: kernel / 2)
      let method = ConvolutionChoice.auto.method(
        for: shape, needsInputGradient: true, target)
      if case .winograd = method { return true }
      return false
    }
    #expect(isWinograd(32, 32))
    #expect(!isWinograd(3, 32))
    #expect(isWinograd(32, 32, kernel: 5))
    #expect(!isWinograd(3, 32, kernel: 5))
    #expect(!isWinograd(32, 32, kernel: 7))
    #expect(!isWinograd(32, 32, stride: 2))
  }

  private func shape(_ test: Case) -> ConvolutionShape {
    let zeros = test.padding.amounts(
      size: test.size[0], kernel: test.kernel, stride: test.stride)
    return ConvolutionShape(
      inputChannels: test.inputs, outputChannels: test.outputs, height: test.size[0],
      width: test.size[1], kernel: test.kernel, stride: test.stride, padding: zeros.before,
      paddingAfter: zeros.after)
  }

  private func bench(_ set: InstructionSet, _ test: Case) throws -> LayerBench {
    let bench = try LayerBench(
      [
        .conv2d(
          filters: test.outputs, kernelSize: test.kernel, stride: test.stride,
          padding: test.padding)
      ], from: [test.inputs] + test.size, images: 3, set: set, convolution: test.choice)
    try bench.setParameter("0.bias", Samples.uniform(test.outputs, seed: 7))
    return bench
  }
}
