import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// What factors of 16 bits do where images differ in size, and where numbers are not numbers.
@Suite struct Int16ProductsTests {
  private static let (images, channels, size) = (6, 32, 16)
  private static let shape = ConvolutionShape(
    inputChannels: channels, outputChannels: channels, height: size, width: size, kernel: 3,
    padding: 1)
  private static var imageCount: Int { channels * size * size }

  /// The three passes over images and gradients.
  private func passes(
    _ set: InstructionSet, _ image: [Float], _ dy: [Float], images: Int = images,
    threads: Int = 2
  ) throws -> (y: [Float], dx: [Float], dw: [Float]) {
    let bench = try LayerBench(
      [.conv2d(filters: Self.channels)], from: [Self.channels, Self.size, Self.size],
      images: images, set: set, threads: threads, convolution: .winograd, products: .int16)
    try bench.setParameter(
      "0.weight", Samples.uniform(Self.channels * Self.channels * 9, seed: 2))
    let layer = try AlgorithmLayer(.winograd, Self.shape, bench)
    return (
      bench.forward(layer, image), bench.backward(layer, dy), try bench.gradient("0.weight")
    )
  }

  private func values(seed: UInt64) -> [Float] {
    Samples.uniform(Self.images * Self.imageCount, seed: seed)
  }

  /// An image's answer has the same bits in every batch, whatever its neighbours are and however the
  /// work is shared.
  @Test(arguments: InstructionSet.all)
  func neighboursDoNotMatter(set: InstructionSet) throws {
    let (image, dy) = (values(seed: 1), values(seed: 3))
    let all = try passes(set, image, dy)
    let count = Self.imageCount
    for (place, threads) in [(0, 1), (3, 1), (5, 3)] {
      let range = (place * count)..<((place + 1) * count)
      let alone = try passes(
        set, Array(image[range]), Array(dy[range]), images: 1, threads: threads)
      #expect(alone.y == Array(all.y[range]))
      #expect(alone.dx == Array(all.dx[range]))
    }
  }

  /// A gradient that is 10⁴ times its neighbours' does not drown theirs: what they add to the
  /// filters' gradient keeps its own relative error.
  @Test(arguments: InstructionSet.all)
  func outlierKeepsItsNeighbours(set: InstructionSet) throws {
    let image = values(seed: 1)
    let dy = values(seed: 3)
    let outlier = (2 * Self.imageCount)..<(3 * Self.imageCount)
    var large = dy
    for i in outlier { large[i] *= 1e4 }
    var alone = [Float](repeating: 0, count: dy.count)
    alone.replaceSubrange(outlier, with: large[outlier])
    var neighbours = dy
    for i in outlier { neighbours[i] = 0 }
    let whole = try passes(set, image, large).dw
    let part = try passes(set, image, alone).dw
    let expected = ConvolutionOracle(Self.shape, images: Self.images)
      .backwardWeights(image.doubles, neighbours.doubles)
    // Float32 sums of what is 10⁴ times as large lose 10⁴ · 2⁻²⁴ of their own.
    #expect(relativeError(zip(whole, part).map { $0 - $1 }, expected) < 0.006)
    let oracle = ConvolutionOracle(Self.shape, images: Self.images)
      .backwardWeights(image.doubles, large.doubles)
    #expect(relativeError(whole, oracle) < 0.004)
  }

  /// Gradients of which few are large.
  @Test(arguments: InstructionSet.all)
  func roughGradients(set: InstructionSet) throws {
    let image = values(seed: 1).map { max(0, $0) }
    // Up to 30 times their root mean square.
    let dy = values(seed: 3).map {
      $0 * $0 * $0 * $0 * $0 * $0 * $0 * $0 * $0 * ($0 * $0 > 0.5 ? 9 : 1)
    }
    let weights = Samples.uniform(Self.channels * Self.channels * 9, seed: 2)
    let oracle = ConvolutionOracle(Self.shape, images: Self.images)
    let result = try passes(set, image, dy)
    #expect(
      relativeError(result.dx, oracle.backwardData(dy.doubles, weights.doubles)) < 0.004)
    #expect(
      relativeError(result.dw, oracle.backwardWeights(image.doubles, dy.doubles)) < 0.008)
  }

  /// What is no number stays none, and spoils only its own image; zeros give zeros.
  @Test(arguments: InstructionSet.all, [Float.nan, .infinity])
  func notANumber(set: InstructionSet, value: Float) throws {
    var (image, dy) = (values(seed: 1), values(seed: 3))
    let clean = try passes(set, image, dy)
    image[Self.imageCount + 5] = value
    dy[Self.imageCount + 7] = value
    for i in 0..<Self.imageCount { (image[i], dy[i]) = (0, 0) }
    let result = try passes(set, image, dy)
    let first = 0..<Self.imageCount
    let second = Self.imageCount..<(2 * Self.imageCount)
    let rest = (2 * Self.imageCount)...
    #expect(result.dx[first].allSatisfy { $0 == 0 })
    for (one, other) in [(result.y, clean.y), (result.dx, clean.dx)] {
      #expect(one[first].allSatisfy { $0.isFinite })
      #expect(one[second].contains { !$0.isFinite })
      #expect(one[rest] == other[rest])
    }
    #expect(result.dw.contains { !$0.isFinite })
  }
}
