import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// Batch normalisation, ReLU, max-pool and dropout on images, alone and joined in one step.
@Suite struct PointwiseLayerTests {
  static let norm = LayerSpec.batchNorm().resolved(for: .pytorch)
  static let chains: [[LayerSpec]] = [
    [norm], [.relu], [.maxPool()], [.dropout(rate: 0.4)], [norm, .relu], [norm, .maxPool()],
    [.relu, .maxPool()], [.relu, .dropout(rate: 0.2)], [norm, .relu, .dropout(rate: 0.3)],
    [norm, .relu, .maxPool(), .dropout(rate: 0.25)],
    [.gelu], [norm, .gelu], [norm, .gelu, .dropout(rate: 0.3)],
    [.batchNorm(momentum: 0.01, epsilon: 1e-3, unbiased: false), .relu, .maxPool()],
  ]

  static let (images, channels, height, width) = (3, 9, 6, 7)

  @Test(arguments: InstructionSet.all, chains)
  func gradients(set: InstructionSet, chain: [LayerSpec]) throws {
    let bench = try LayerBench(
      chain, from: [Self.channels, Self.height, Self.width], images: Self.images, set: set)
    let layer = try WholeStage(bench)
    let x = Samples.apart(
      Self.images * Self.channels * Self.height * Self.width, seed: 1, gap: 5e-4)
    var weight = [Double](repeating: 1, count: Self.channels)
    var bias = [Double](repeating: 0, count: Self.channels)
    if case .batchNorm = chain[0] {
      try bench.setParameter("0.weight", Samples.uniform(Self.channels, seed: 2, -1.5, 1.5))
      try bench.setParameter("0.bias", Samples.uniform(Self.channels, seed: 3))
      weight = try bench.parameter("0.weight").doubles
      bias = try bench.parameter("0.bias").doubles
    }
    let oracle = oracle(chain, bench)
    let y = bench.forward(layer, x)
    #expect(relativeError(y, oracle(x.doubles, weight, bias)) < 2e-6)
    let dy = Samples.uniform(y.count, seed: 4)
    let dx = bench.backward(layer, dy)
    // Steps far below the distance of any value from an edge.
    let errorOfData = GradientCheck.relativeError(of: dx, at: x.doubles, step: 1e-7) {
      GradientCheck.project(oracle($0, weight, bias), on: dy)
    }
    #expect(errorOfData < 2e-5)
    guard case .batchNorm = chain[0] else { return }
    let dWeight = try bench.gradient("0.weight")
    let errorOfWeight = GradientCheck.relativeError(of: dWeight, at: weight, step: 1e-7) {
      GradientCheck.project(oracle(x.doubles, $0, bias), on: dy)
    }
    #expect(errorOfWeight < 1e-5)
    let dBias = try bench.gradient("0.bias")
    let errorOfBias = GradientCheck.relativeError(of: dBias, at: bias, step: 1e-7) {
      GradientCheck.project(oracle(x.doubles, weight, $0), on: dy)
    }
    #expect(errorOfBias < 1e-5)
  }

  @Test(arguments: InstructionSet.all, [true, false])
  func runningStatistics(set: InstructionSet, unbiased: Bool) throws {
    let chain = [LayerSpec.batchNorm(momentum: 0.3, epsilon: 1e-4, unbiased: unbiased)]
    let bench = try LayerBench(
      chain, from: [Self.channels, Self.height, Self.width], images: Self.images, set: set)
    let layer = try WholeStage(bench)
    let pixels = Self.height * Self.width
    let n = Double(Self.images * pixels)
    var mean = [Double](repeating: 0, count: Self.channels)
    var variance = [Double](repeating: 1, count: Self.channels)
    for seed in 1...3 as ClosedRange<UInt64> {
      // A mean far from 0: the sums must not cancel.
      let x = Samples.uniform(Self.images * Self.channels * pixels, seed: seed, 9, 11)
      _ = bench.forward(layer, x)
      let moments = PointwiseOracles.moments(x.doubles, channels: Self.channels, pixels: pixels)
      for c in 0..<Self.channels {
        mean[c] += 0.3 * (moments.mean[c] - mean[c])
        let kept = moments.variance[c] * (unbiased ? n / (n - 1) : 1)
        variance[c] += 0.3 * (kept - variance[c])
      }
    }
    #expect(relativeError(try bench.parameter("0.running_mean"), mean) < 1e-6)
    #expect(relativeError(try bench.parameter("0.running_var"), variance) < 1e-5)
  }

  @Test(arguments: InstructionSet.all)
  func evaluationUsesRunningStatisticsAndNoDropout(set: InstructionSet) throws {
    let chain = [Self.norm, .relu, .dropout(rate: 0.5)]
    let bench = try LayerBench(
      chain, from: [Self.channels, Self.height, Self.width], images: Self.images, set: set,
      training: false)
    let layer = try WholeStage(bench)
    let mean = Samples.uniform(Self.channels, seed: 1)
    let variance = Samples.uniform(Self.channels, seed: 2, 0.5, 2)
    for (name, values) in [("0.running_mean", mean), ("0.running_var", variance)] {
      let target = try bench.network.statisticPointer(name)
      for (i, value) in values.enumerated() { target[i] = value }
    }
    let pixels = Self.height * Self.width
    let x = Samples.uniform(Self.images * Self.channels * pixels, seed: 3)
    let expected = PointwiseOracles.relu(
      PointwiseOracles.batchNorm(
        x.doubles, weight: .init(repeating: 1, count: Self.channels),
        bias: .init(repeating: 0, count: Self.channels), epsilon: 1e-5, pixels: pixels,
        using: .init(mean: mean.doubles, variance: variance.doubles)))
    #expect(relativeError(bench.forward(layer, x), expected) < 1e-6)
    #expect(try bench.parameter("0.running_mean") == mean)
  }

  @Test(arguments: InstructionSet.all)
  func everyStepLayerAndSeedDropsOtherValues(set: InstructionSet) {
    let shape = ValueShape.image(channels: 8, height: 4, width: 4)
    var masks: Set<[UInt8]> = []
    for (layer, seed, step) in [
      (1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1 << 40, 1), (1, 1, 2), (1, 1, 1 << 33),
    ] as [(Int, UInt64, UInt64)] {
      let pass = Pass(count: 2, training: true, seed: seed, step: step)
      let mask = Dropout(layer: layer, rate: 0.5).mask(shape, pass, kernels: set.kernels)
      // The images of a batch differ as well.
      #expect(mask[..<128] != mask[128...])
      masks.insert(mask)
    }
    #expect(masks.count == 6)
  }

  /// The chain in double, of the input and batch norm's weight and bias.
  private func oracle(
    _ chain: [LayerSpec], _ bench: LayerBench
  ) -> ([Double], [Double], [Double]) -> [Double] {
    { x, weight, bias in
      var values = x
      for (index, layer) in chain.enumerated() {
        switch layer {
        case .batchNorm(_, let epsilon?, _, _, _):
          values = PointwiseOracles.batchNorm(
            values, weight: weight, bias: bias, epsilon: epsilon,
            pixels: Self.height * Self.width)
        case .relu: values = PointwiseOracles.relu(values)
        case .gelu: values = PointwiseOracles.gelu(values)
        case .maxPool:
          values = PointwiseOracles.maxPool(values, height: Self.height, width: Self.width)
        case .dropout(let rate):
          let mask = Dropout(layer: index, rate: rate).mask(
            bench.output.shape, bench.pass, kernels: bench.context.kernels)
          values = PointwiseOracles.dropout(values, mask: mask, scale: 1 / (1 - rate))
        default: break
        }
      }
      return values
    }
  }
}
