import Kernels
import TestSupport
import Testing

/// The direct convolution, for one image, with everything that goes with it.
@Suite struct ConvolutionTests {
  static let shapes = [
    ConvolutionShape(
      inputChannels: 3, outputChannels: 32, height: 8, width: 8, kernel: 3, padding: 1),
    ConvolutionShape(
      inputChannels: 1, outputChannels: 1, height: 1, width: 1, kernel: 1, padding: 0),
    ConvolutionShape(
      inputChannels: 9, outputChannels: 17, height: 7, width: 5, kernel: 3, padding: 1),
    ConvolutionShape(
      inputChannels: 8, outputChannels: 25, height: 6, width: 9, kernel: 5, padding: 2),
    ConvolutionShape(
      inputChannels: 5, outputChannels: 7, height: 5, width: 7, kernel: 3, padding: 0),
    ConvolutionShape(
      inputChannels: 10, outputChannels: 8, height: 4, width: 5, kernel: 1, padding: 0),
    ConvolutionShape(
      inputChannels: 4, outputChannels: 9, height: 9, width: 6, kernel: 3, stride: 2, padding: 1),
    ConvolutionShape(
      inputChannels: 11, outputChannels: 16, height: 8, width: 11, kernel: 5, stride: 2, padding: 0),
    ConvolutionShape(
      inputChannels: 8, outputChannels: 8, height: 6, width: 7, kernel: 1, stride: 2, padding: 0),
    ConvolutionShape(
      inputChannels: 2, outputChannels: 3, height: 2, width: 1, kernel: 5, padding: 2),
  ]

  @Test(arguments: InstructionSet.all, shapes)
  func forward(set: InstructionSet, shape: ConvolutionShape) {
    let sample = ConvolutionSample(shape)
    let lanes = set.kernels.lanes
    let outputs = shape.outputChannels
    let bias = Samples.uniform(outputs, seed: 4)
    let pairs = blocks(outputs, of: 2 * lanes)
    let paddedBias = GuardedBuffer(
      bias + [Float](repeating: 0, count: pairs * 2 * lanes - outputs))
    for withBias in [true, false] {
      let y = convolve(
        set.kernels, shape, sample.image, filtersOf: shape, sample.filters, turned: false,
        bias: withBias ? paddedBias : nil)
      let expected = sample.oracle.forward(
        sample.image.doubles, sample.filters.doubles, bias: withBias ? bias.doubles : nil)
      #expect(relativeError(y, expected) < 1e-6)
    }
  }

  @Test(arguments: InstructionSet.all, shapes)
  func backwardData(set: InstructionSet, shape: ConvolutionShape) {
    let sample = ConvolutionSample(shape)
    let dx = convolve(
      set.kernels, shape.backwardData, sample.gradient, height: shape.outputHeight,
      width: shape.outputWidth, spread: shape.stride, filtersOf: shape, sample.filters,
      turned: true, bias: nil)
    let expected = sample.oracle.backwardData(sample.gradient.doubles, sample.filters.doubles)
    #expect(relativeError(dx, expected) < 1e-6)
  }

  @Test(arguments: InstructionSet.all, shapes)
  func backwardWeights(set: InstructionSet, shape: ConvolutionShape) {
    let sample = ConvolutionSample(shape)
    let lanes = set.kernels.lanes
    let image = GuardedBuffer(sample.blockedImage(lanes))
    let gradient = GuardedBuffer(sample.blockedGradient(lanes))
    let inputGroups = blocks(shape.inputChannels, of: lanes)
    let outputPairs = blocks(shape.outputChannels, of: 2 * lanes)
    let size = shape.kernel * shape.kernel * lanes * 2 * lanes  // (k, k, lanes, 2·lanes)
    let sums = GuardedBuffer([Float](repeating: 0, count: inputGroups * outputPairs * size))
    // Twice: the kernel adds to what is there.
    for _ in 0..<2 {
      for item in 0..<(inputGroups * outputPairs) {
        set.kernels.addFilterGradient(
          shape, inputGroup: item / outputPairs, outputPair: item % outputPairs,
          image: image.pointer, gradient: gradient.pointer, sum: sums.pointer + item * size)
      }
    }
    let filters = GuardedBuffer(output: sample.filters.count)
    set.kernels.unpackFilterGradient(shape, sums.pointer, to: filters.pointer)
    let expected = sample.oracle.backwardWeights(sample.image.doubles, sample.gradient.doubles)
    #expect(relativeError(filters.array, expected.map { 2 * $0 }) < 2e-6)
    #expect(sums.isIntact && filters.isIntact)
  }

  /// Frames, packs and convolves one (C, H, W) image whose rows and columns come `spread` apart.
  private func convolve(
    _ kernels: any KernelTable, _ shape: ConvolutionShape, _ image: [Float], height: Int? = nil,
    width: Int? = nil, spread: Int = 1, filtersOf forward: ConvolutionShape, _ filters: [Float],
    turned: Bool, bias: GuardedBuffer<Float>?
  ) -> [Float] {
    let lanes = kernels.lanes
    let height = height ?? shape.height
    let width = width ?? shape.width
    let groups = blocks(shape.inputChannels, of: lanes)
    let blocked = GuardedBuffer(
      BlockedLayout.block(
        image, images: 1, channels: shape.inputChannels, pixels: height * width, lanes: lanes))
    let paddedHeight = shape.height + 2 * shape.padding
    let paddedWidth = shape.width + 2 * shape.padding
    let padded = GuardedBuffer(output: groups * paddedHeight * paddedWidth * lanes)
    kernels.padImage(
      blocked.pointer, groups: groups, height: height, width: width, to: padded.pointer,
      paddedHeight: paddedHeight, paddedWidth: paddedWidth, offset: shape.padding, spread: spread)
    // (pairs of output groups, input channels, k, k, 2·lanes)
    let packed = GuardedBuffer(
      output: blocks(shape.outputChannels, of: 2 * lanes) * shape.inputChannels * shape.kernel
        * shape.kernel * 2 * lanes)
    kernels.packFilters(
      forward, filters, to: packed.pointer, turned: turned)
    let pixels = shape.outputHeight * shape.outputWidth
    let output = GuardedBuffer(
      output: blocks(shape.outputChannels, of: lanes) * pixels * lanes)
    kernels.convolve(
      shape, padded: padded.pointer, packed: packed.pointer, bias: bias.map { Input($0.pointer) },
      relu: false, rows: 0..<shape.outputHeight, output: output.pointer)
    #expect(padded.isIntact && packed.isIntact && output.isIntact)
    let plain = BlockedLayout.unblock(
      output.array, images: 1, channels: shape.outputChannels, pixels: pixels, lanes: lanes)
    // Lanes without a channel stay 0: the next layer relies on it.
    #expect(
      output.array
        == BlockedLayout.block(
          plain, images: 1, channels: shape.outputChannels, pixels: pixels, lanes: lanes))
    return plain
  }

  typealias Input = UnsafePointer<Float>
}

/// Random data of one convolution, plain, and its oracle.
struct ConvolutionSample {
  let shape: ConvolutionShape
  let images: Int
  let oracle: ConvolutionOracle
  /// (N, C, H, W)
  let image: [Float]
  /// (O, I, k, k)
  let filters: [Float]
  /// dLoss/dy, (N, O, H', W')
  let gradient: [Float]

  init(_ shape: ConvolutionShape, images: Int = 1) {
    self.shape = shape
    self.images = images
    oracle = ConvolutionOracle(shape, images: images)
    image = Samples.uniform(images * shape.inputChannels * shape.height * shape.width, seed: 1)
    filters = Samples.uniform(
      shape.outputChannels * shape.inputChannels * shape.kernel * shape.kernel, seed: 2)
    gradient = Samples.uniform(
      images * shape.outputChannels * shape.outputHeight * shape.outputWidth, seed: 3)
  }

  func blockedImage(_ lanes: Int) -> [Float] {
    BlockedLayout.block(
      image, images: images, channels: shape.inputChannels, pixels: shape.height * shape.width,
      lanes: lanes)
  }

  func blockedGradient(_ lanes: Int) -> [Float] {
    BlockedLayout.block(
      gradient, images: images, channels: shape.outputChannels,
      pixels: shape.outputHeight * shape.outputWidth, lanes: lanes)
  }
}
