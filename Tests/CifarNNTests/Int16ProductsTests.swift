import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// What factors of 16 bits do where images differ in size, and where numbers are not numbers.
@Suite struct Int16ProductsTests {
  private static let (images, channels, size) = (6, 32, 16)
  private static let imageCount = channels * size * size

  /// A convolution with as many numbers in its output as in its input.
  enum Case: CaseIterable, Sendable {
    case winograd, direct, stride2, oneByOne

    var shape: ConvolutionShape {
      let isThree = self != .oneByOne
      let outputs = Int16ProductsTests.channels * (self == .stride2 ? 4 : 1)
      return ConvolutionShape(
        inputChannels: Int16ProductsTests.channels, outputChannels: outputs,
        height: Int16ProductsTests.size, width: Int16ProductsTests.size, kernel: isThree ? 3 : 1,
        stride: self == .stride2 ? 2 : 1, padding: isThree ? 1 : 0)
    }

    var choice: ConvolutionChoice { self == .winograd ? .winograd : .direct }
    var filters: Int { shape.outputChannels * shape.inputChannels * shape.kernel * shape.kernel }
  }

  /// The three passes over images and gradients.
  private func passes(
    _ test: Case, _ set: InstructionSet, _ image: [Float], _ dy: [Float], images: Int = images,
    threads: Int = 2
  ) throws -> (y: [Float], dx: [Float], dw: [Float]) {
    let shape = test.shape
    let bench = try LayerBench(
      [
        .conv2d(
          filters: shape.outputChannels, kernelSize: shape.kernel, stride: shape.stride)
      ], from: [Self.channels, Self.size, Self.size],
      images: images, set: set, threads: threads, convolution: test.choice, products: .int16)
    try bench.setParameter("0.weight", Samples.uniform(test.filters, seed: 2))
    let layer = try AlgorithmLayer(test.choice, shape, bench)
    return (
      bench.forward(layer, image), bench.backward(layer, dy), try bench.gradient("0.weight")
    )
  }

  private func values(seed: UInt64) -> [Float] {
    Samples.uniform(Self.images * Self.imageCount, seed: seed)
  }

  /// An image's answer has the same bits in every batch, whatever its neighbours are and however the
  /// work is shared.
  @Test(arguments: InstructionSet.all, Case.allCases)
  func neighboursDoNotMatter(set: InstructionSet, test: Case) throws {
    let (image, dy) = (values(seed: 1), values(seed: 3))
    let all = try passes(test, set, image, dy)
    let count = Self.imageCount
    for (place, threads) in [(0, 1), (3, 1), (5, 3)] {
      let range = (place * count)..<((place + 1) * count)
      let alone = try passes(
        test, set, Array(image[range]), Array(dy[range]), images: 1, threads: threads)
      #expect(alone.y == Array(all.y[range]))
      #expect(alone.dx == Array(all.dx[range]))
    }
  }

  /// A gradient that is 10⁴ times its neighbours' does not drown theirs: what they add to the
  /// filters' gradient keeps its own relative error.
  @Test(arguments: InstructionSet.all, Case.allCases)
  func outlierKeepsItsNeighbours(set: InstructionSet, test: Case) throws {
    let image = values(seed: 1)
    let dy = values(seed: 3)
    let outlier = (2 * Self.imageCount)..<(3 * Self.imageCount)
    var large = dy
    for i in outlier { large[i] *= 1e4 }
    var alone = [Float](repeating: 0, count: dy.count)
    alone.replaceSubrange(outlier, with: large[outlier])
    var neighbours = dy
    for i in outlier { neighbours[i] = 0 }
    let whole = try passes(test, set, image, large).dw
    let part = try passes(test, set, image, alone).dw
    let expected = ConvolutionOracle(test.shape, images: Self.images)
      .backwardWeights(image.doubles, neighbours.doubles)
    // Float32 sums of what is 10⁴ times as large lose 10⁴ · 2⁻²⁴ of their own.
    #expect(relativeError(zip(whole, part).map { $0 - $1 }, expected) < 0.006)
    let oracle = ConvolutionOracle(test.shape, images: Self.images)
      .backwardWeights(image.doubles, large.doubles)
    #expect(relativeError(whole, oracle) < 0.004)
  }

  /// Images of all sizes, whose gradients are added up together or apart.
  @Test(arguments: InstructionSet.all)
  func imagesOfAllSizes(set: InstructionSet) throws {
    var (image, dy) = (values(seed: 1), values(seed: 3))
    for n in 0..<Self.images {
      for i in (n * Self.imageCount)..<((n + 1) * Self.imageCount) {
        image[i] *= [1, 0.5, 3, 1, 0.1, 1][n]
        dy[i] *= [1, 3, 0.3, 0.9, 1.2, 0.02][n]
      }
    }
    let oracle = ConvolutionOracle(Case.winograd.shape, images: Self.images)
    let dw = try passes(.winograd, set, image, dy).dw
    #expect(relativeError(dw, oracle.backwardWeights(image.doubles, dy.doubles)) < 0.002)
  }

  /// The direct convolutions of the presets.
  @Test(
    arguments: [
      (3, 32, 32, 3, 1), (32, 64, 32, 3, 2), (64, 128, 16, 3, 2), (32, 64, 32, 1, 2),
      (64, 128, 16, 1, 2),
    ])
  func errors(_ inputs: Int, _ outputs: Int, _ size: Int, _ kernel: Int, _ stride: Int) throws {
    let shape = ConvolutionShape(
      inputChannels: inputs, outputChannels: outputs, height: size, width: size, kernel: kernel,
      stride: stride, padding: kernel / 2)
    let image = Samples.uniform(2 * inputs * size * size, seed: 1)
    let dy = Samples.uniform(2 * outputs * shape.outputHeight * shape.outputWidth, seed: 3)
    let weights = Samples.uniform(outputs * inputs * kernel * kernel, seed: 2)
    let oracle = ConvolutionOracle(shape, images: 2)
    let y = oracle.forward(image.doubles, weights.doubles)
    let dx = oracle.backwardData(dy.doubles, weights.doubles)
    let dw = oracle.backwardWeights(image.doubles, dy.doubles)
    for set in InstructionSet.all {
      let bench = try LayerBench(
        [.conv2d(filters: outputs, kernelSize: kernel, stride: stride)],
        from: [inputs, size, size], images: 2, set: set, products: .int16)
      try bench.setParameter("0.weight", weights)
      try bench.setParameter("0.bias", [Float](repeating: 0, count: outputs))
      let layer = try AlgorithmLayer(.auto, shape, bench)
      #expect(relativeError(bench.forward(layer, image), y) < 2e-4)
      #expect(relativeError(bench.backward(layer, dy), dx) < 2e-4)
      #expect(relativeError(try bench.gradient("0.weight"), dw) < 2e-4)
    }
  }

  /// Gradients of which few are large.
  @Test(arguments: InstructionSet.all, Case.allCases)
  func roughGradients(set: InstructionSet, test: Case) throws {
    let image = values(seed: 1).map { max(0, $0) }
    // Up to 30 times their root mean square.
    let dy = values(seed: 3).map {
      $0 * $0 * $0 * $0 * $0 * $0 * $0 * $0 * $0 * ($0 * $0 > 0.5 ? 9 : 1)
    }
    let weights = Samples.uniform(test.filters, seed: 2)
    let oracle = ConvolutionOracle(test.shape, images: Self.images)
    let result = try passes(test, set, image, dy)
    #expect(
      relativeError(result.dx, oracle.backwardData(dy.doubles, weights.doubles)) < 0.004)
    #expect(
      relativeError(result.dw, oracle.backwardWeights(image.doubles, dy.doubles)) < 0.008)
  }

  /// What is no number stays none, and spoils only its own image; zeros give zeros.
  @Test(arguments: InstructionSet.all, Case.allCases)
  func notANumber(set: InstructionSet, test: Case) throws {
    for value in [Float.nan, .infinity] { try notANumber(set, test, value) }
  }

  private func notANumber(_ set: InstructionSet, _ test: Case, _ value: Float) throws {
    var (image, dy) = (values(seed: 1), values(seed: 3))
    let clean = try passes(test, set, image, dy)
    image[Self.imageCount + 5] = value
    dy[Self.imageCount + 7] = value
    for i in 0..<Self.imageCount { (image[i], dy[i]) = (0, 0) }
    let result = try passes(test, set, image, dy)
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
