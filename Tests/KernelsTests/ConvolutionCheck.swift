import Kernels
import TestSupport
import Testing

/// The three passes of one direct convolution over one image against its oracle.
struct ConvolutionCheck {
  let kernels: any KernelTable
  let shape: ConvolutionShape
  private let sample: ConvolutionSample
  private let filters: GuardedBuffer<Float>

  init(kernels: any KernelTable, shape: ConvolutionShape) {
    self.kernels = kernels
    self.shape = shape
    sample = ConvolutionSample(shape)
    filters = GuardedBuffer(sample.filters)
  }

  private var lanes: Int { kernels.lanes }

  func forward() {
    let outputs = shape.outputChannels
    let bias = Samples.uniform(outputs, seed: 4)
    let panels = blocks(outputs, of: 2 * lanes)
    let paddedBias = GuardedBuffer(
      bias + [Float](repeating: 0, count: panels * 2 * lanes - outputs))
    for withBias in [true, false] {
      let y = convolve(
        shape, sample.image, height: shape.height, width: shape.width, spread: 1, rotated: false,
        bias: withBias ? paddedBias : nil)
      let expected = sample.oracle.forward(
        sample.image.doubles, sample.filters.doubles, bias: withBias ? bias.doubles : nil)
      #expect(error(y, expected, channels: shape.inputChannels) < 1e-6, "\(name)")
    }
  }

  func backwardData() {
    let dx = convolve(
      shape.backwardData, sample.gradient, height: shape.outputHeight, width: shape.outputWidth,
      spread: shape.stride, rotated: true, bias: nil)
    let expected = sample.oracle.backwardData(sample.gradient.doubles, sample.filters.doubles)
    #expect(error(dx, expected, channels: shape.outputChannels) < 1e-6, "\(name)")
  }

  func backwardWeights() {
    let image = GuardedBuffer(sample.blockedImage(lanes))
    let gradient = GuardedBuffer(sample.blockedGradient(lanes))
    let inputGroups = blocks(shape.inputChannels, of: lanes)
    let outputPanels = blocks(shape.outputChannels, of: 2 * lanes)
    let size = shape.kernel * shape.kernel * lanes * 2 * lanes  // (k, k, lanes, panel)
    let sums = GuardedBuffer([Float](repeating: 0, count: inputGroups * outputPanels * size))
    // Twice: the kernel adds to what is there.
    for _ in 0..<2 {
      for item in 0..<(inputGroups * outputPanels) {
        kernels.addFilterGradient(
          shape, inputGroup: item / outputPanels, outputPanel: item % outputPanels,
          image: image.pointer, gradient: gradient.pointer, sum: sums.pointer + item * size)
      }
    }
    let result = GuardedBuffer(output: sample.filters.count)
    kernels.unpackFilterGradient(shape, sums.pointer, to: result.pointer)
    let expected = sample.oracle.backwardWeights(sample.image.doubles, sample.gradient.doubles)
    #expect(relativeError(result.array, expected.map { 2 * $0 }) < 2e-6, "\(name)")
    #expect(sums.isIntact && result.isIntact, "\(name)")
  }

  /// The relative error, measured against what such sums usually are where these happen to be
  /// smaller: each of their terms has a root mean square of 1/3.
  private func error(_ actual: [Float], _ expected: [Double], channels: Int) -> Double {
    let terms = Double(channels * shape.kernel * shape.kernel)
    let squares = expected.reduce(0) { $0 + $1 * $1 }
    let usual = Double(expected.count) * terms / 9
    let scale = squares > 0 && squares < usual ? (squares / usual).squareRoot() : 1
    return relativeError(actual, expected) * scale
  }

  /// Frames, packs and convolves one (C, H, W) image whose rows and columns come `spread` apart.
  private func convolve(
    _ shape: ConvolutionShape, _ image: [Float], height: Int, width: Int, spread: Int,
    rotated: Bool, bias: GuardedBuffer<Float>?
  ) -> [Float] {
    let groups = blocks(shape.inputChannels, of: lanes)
    let blocked = GuardedBuffer(
      BlockedLayout.block(
        image, images: 1, channels: shape.inputChannels, pixels: height * width, lanes: lanes))
    let padded = GuardedBuffer(
      output: groups * shape.paddedHeight * shape.paddedWidth * lanes)
    kernels.padImage(
      blocked.pointer, groups: groups, height: height, width: width, to: padded.pointer,
      paddedHeight: shape.paddedHeight, paddedWidth: shape.paddedWidth, offset: shape.padding,
      spread: spread)
    // (panels of output, input channels, k, k, panel)
    let packed = GuardedBuffer(
      output: blocks(shape.outputChannels, of: 2 * lanes) * shape.inputChannels * shape.kernel
        * shape.kernel * 2 * lanes)
    kernels.packFilters(self.shape, filters.pointer, to: packed.pointer, rotated: rotated)
    let pixels = shape.outputHeight * shape.outputWidth
    let output = GuardedBuffer(
      output: blocks(shape.outputChannels, of: lanes) * pixels * lanes)
    kernels.convolve(
      shape, padded: padded.pointer, packed: packed.pointer,
      bias: bias.map { UnsafePointer($0.pointer) }, relu: false, rows: 0..<shape.outputHeight,
      output: output.pointer)
    #expect(padded.isIntact && packed.isIntact && output.isIntact, "\(name)")
    let plain = BlockedLayout.unblock(
      output.array, images: 1, channels: shape.outputChannels, pixels: pixels, lanes: lanes)
    // Lanes without a channel stay 0: the next layer relies on it.
    #expect(
      output.array
        == BlockedLayout.block(
          plain, images: 1, channels: shape.outputChannels, pixels: pixels, lanes: lanes),
      "\(name)")
    return plain
  }

  private var name: String { shape.name }
}

extension ConvolutionShape {
  /// In short, for what a test has to say.
  var name: String {
    "\(inputChannels)→\(outputChannels) at \(height)×\(width), "
      + "\(kernel)×\(kernel)/\(stride), frame \(padding), \(paddingAfter)"
  }
}
