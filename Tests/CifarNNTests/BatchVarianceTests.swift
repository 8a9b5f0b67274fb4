import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// The variance of a batch whose mean is many deviations away from 0, from the first step on. The
/// oracle takes it in double from the same numbers; a float32 itself has seven digits of them.
@Suite struct BatchVarianceTests {
  /// |mean| / deviation.
  static let ratios: [Float] = [0, 50, 150, 500, 5000, 100_000]
  static let bound = 1e-5
  static let (images, channels, height, width) = (6, 9, 12, 10)

  @Test(arguments: InstructionSet.all, ratios)
  func ofImages(set: InstructionSet, ratio: Float) throws {
    let norm = LayerSpec.batchNorm(momentum: 1, epsilon: 1e-12, unbiased: false)
    let bench = try LayerBench(
      [norm], from: [Self.channels, Self.height, Self.width], images: Self.images, set: set)
    let layer = try WholeStage(bench)
    let pixels = Self.height * Self.width
    try check(bench, layer, "0", ratio, channels: Self.channels, pixels: pixels)
  }

  @Test(arguments: InstructionSet.all, ratios)
  func ofRows(set: InstructionSet, ratio: Float) throws {
    let features = 19
    let bench = try LayerBench(
      [.flatten, .batchNorm(momentum: 1, epsilon: 1e-12, unbiased: false)], first: 1,
      from: [1, 1, features], images: 50, set: set)
    let layer = try RowNormalization(
      bench.network.spec.nodes()[1], input: bench.input, output: bench.output,
      context: bench.context)
    try check(bench, layer, "1", ratio, channels: features, pixels: 1)
  }

  /// What stands in the running statistics, which a checkpoint brings back, has no part in it.
  private func check(
    _ bench: LayerBench, _ layer: any Operator, _ name: String, _ ratio: Float, channels: Int,
    pixels: Int
  ) throws {
    let count = bench.pass.count * channels * pixels
    // Deviations of all sizes; images of a batch differ in their means as well.
    let noise = Samples.uniform(count, seed: 1)
    let x = noise.enumerated().map { i, noise -> Float in
      let (plane, channel) = (i / pixels, i / pixels % channels)
      let size = Float(sign: .plus, exponent: channel % 5 - 2, significand: 1)
      let brightness = Float(plane / channels % 3) / 2
      return size * (noise + brightness + (channel % 2 == 0 ? ratio : -ratio))
    }
    let expected = PointwiseOracles.moments(x.doubles, channels: channels, pixels: pixels)
    var seen: [[Float]] = []
    for start in [0, 1e6] as [Float] {
      let mean = try bench.network.statisticPointer("\(name).running_mean")
      mean.update(repeating: start, count: channels)
      let y = bench.forward(layer, x)
      seen.append(y)
      let variance = try bench.parameter("\(name).running_var")
      for channel in 0..<channels {
        let error = Double(variance[channel]) / expected.variance[channel] - 1
        #expect(abs(error) < Self.bound, "channel \(channel)")
      }
      let plain = PointwiseOracles.batchNorm(
        x.doubles, weight: .init(repeating: 1, count: channels),
        bias: .init(repeating: 0, count: channels), epsilon: 1e-12, pixels: pixels)
      // scale·x + offset has the rounding errors of numbers that are `ratio` times as large.
      #expect(relativeError(y, plain) < 1e-6 + 2e-7 * Double(ratio))
    }
    #expect(seen[0] == seen[1])
  }

  /// With mixed precision the moments are those of the images as they are kept, in bfloat16: the
  /// same sums are taken of them, and what the rounding did to them is in the variance.
  @Test(arguments: InstructionSet.all, [50, 150] as [Float])
  func ofImagesInMixedPrecision(set: InstructionSet, ratio: Float) throws {
    let spec = ModelSpec(
      input: [3, 8, 8],
      layers: [
        .conv2d(filters: 8, kernelSize: 1), .batchNorm(momentum: 1, unbiased: false), .relu,
        .flatten, .dense(units: 2),
      ])
    let network = try Network(spec: spec, dialect: .pytorch, seed: 2)
    // Each filter passes one channel on; bfloat16 has the factors exactly.
    let weight = try network.pointer("0.weight")
    for i in 0..<24 { weight[i] = i / 3 % 3 == i % 3 ? Float(1 << (i / 9)) : 0 }
    network.weightsChanged()
    let count = 4
    let plan = try Plan(
      network: network, batchSize: count, training: true, pool: ThreadPool(threads: 2),
      precision: .mixedBFloat16, kernels: set.kernels)
    // Images that int16 has exactly, too: whole multiples of their largest number's share.
    let step = (ratio + 1) / Int16Products.plainLimit
    var images = Samples.uniform(count * 3 * 64, seed: 1).map {
      ((ratio + $0) / step).rounded() * step
    }
    for image in 0..<count { images[image * 3 * 64] = ratio + 1 }
    _ = plan.trainStep(images: images, labels: [0, 1, 0, 1], count: count, seed: 1, step: 1)
    let bias = network.values("0.bias")
    let kept = (0..<(count * 8 * 64)).map { i -> Double in
      let (image, channel, pixel) = (i / 512, i / 64 % 8, i % 64)
      let y = images[(image * 3 + channel % 3) * 64 + pixel] * Float(1 << (channel / 3))
      return Double(Self.rounded(y + bias[channel]))
    }
    let expected = PointwiseOracles.moments(kept, channels: 8, pixels: 64)
    #expect(relativeError(network.values("1.running_var"), expected.variance) < 1e-5)
    #expect(relativeError(network.values("1.running_mean"), expected.mean) < 1e-6)
  }

  /// To bfloat16, ties to even.
  private static func rounded(_ x: Float) -> Float {
    let bits = x.bitPattern
    return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
  }
}
