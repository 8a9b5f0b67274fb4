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
      let y = framed(
        sample.blockedImage(lanes), channels: (shape.inputChannels, outputs),
        size: (shape.height, shape.width), frame: (shape.paddedHeight, shape.paddedWidth),
        offset: shape.padding, outputSize: (shape.outputHeight, shape.outputWidth), rotated: false
      ) { padded, packed, output in
        kernels.convolve(
          shape, padded: padded, packed: packed,
          bias: withBias ? UnsafePointer(paddedBias.pointer) : nil, relu: false,
          rows: 0..<shape.outputHeight, output: output)
      }
      let expected = sample.oracle.forward(
        sample.image.doubles, sample.filters.doubles, bias: withBias ? bias.doubles : nil)
      #expect(shape.error(y, expected, channels: shape.inputChannels) < 1e-6, "\(name)")
    }
  }

  func backwardData() {
    let dx = framed(
      sample.blockedGradient(lanes), channels: (shape.outputChannels, shape.inputChannels),
      size: (shape.outputHeight, shape.outputWidth),
      frame: (shape.paddedGradientHeight, shape.paddedGradientWidth),
      offset: shape.gradientPadding, outputSize: (shape.height, shape.width), rotated: true
    ) { padded, packed, output in
      kernels.convolveBackwardData(
        shape, padded: padded, packed: packed, rows: 0..<shape.height, output: output)
    }
    let expected = sample.oracle.backwardData(sample.gradient.doubles, sample.filters.doubles)
    #expect(shape.error(dx, expected, channels: shape.outputChannels) < 1e-6, "\(name)")
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
    for item in 0..<(inputGroups * outputPanels) {
      kernels.unpackFilterGradient(
        shape, sums.pointer + item * size, inputGroup: item / outputPanels,
        outputPanel: item % outputPanels, to: result.pointer)
    }
    let expected = sample.oracle.backwardWeights(sample.image.doubles, sample.gradient.doubles)
    #expect(relativeError(result.array, expected.map { 2 * $0 }) < 2e-6, "\(name)")
    #expect(sums.isIntact && result.isIntact, "\(name)")
  }

  /// Frames one blocked image, packs the filters and convolves.
  ///
  /// - Returns: (C, H, W)
  private func framed(
    _ image: [Float], channels: (from: Int, to: Int), size: (Int, Int), frame: (Int, Int),
    offset: Int, outputSize: (Int, Int), rotated: Bool,
    _ convolve: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    let groups = blocks(channels.from, of: lanes)
    let blocked = GuardedBuffer(image)
    let padded = GuardedBuffer(output: groups * frame.0 * frame.1 * lanes)
    kernels.padImage(
      blocked.pointer, groups: groups, height: size.0, width: size.1, to: padded.pointer,
      paddedHeight: frame.0, paddedWidth: frame.1, offset: offset)
    // (panels of output, input channels, k, k, panel)
    let packed = GuardedBuffer(
      output: blocks(channels.to, of: 2 * lanes) * channels.from * shape.kernel * shape.kernel * 2
        * lanes)
    kernels.packFilters(shape, filters.pointer, to: packed.pointer, rotated: rotated)
    let pixels = outputSize.0 * outputSize.1
    let output = GuardedBuffer(output: blocks(channels.to, of: lanes) * pixels * lanes)
    convolve(padded.pointer, packed.pointer, output.pointer)
    #expect(padded.isIntact && packed.isIntact && output.isIntact, "\(name)")
    let plain = BlockedLayout.unblock(
      output.array, images: 1, channels: channels.to, pixels: pixels, lanes: lanes)
    // Lanes without a channel stay 0: the next layer relies on it.
    #expect(
      output.array
        == BlockedLayout.block(
          plain, images: 1, channels: channels.to, pixels: pixels, lanes: lanes),
      "\(name)")
    return plain
  }

  private var name: String { shape.name }
}

extension ConvolutionShape {
  /// The relative error, measured against what such sums usually are where these happen to be
  /// smaller: each of their terms has a root mean square of 1/3.
  func error(_ actual: [Float], _ expected: [Double], channels: Int) -> Double {
    let terms = Double(channels * kernel * kernel)
    let squares = expected.reduce(0) { $0 + $1 * $1 }
    let usual = Double(expected.count) * terms / 9
    let scale = squares > 0 && squares < usual ? (squares / usual).squareRoot() : 1
    return relativeError(actual, expected) * scale
  }

  /// In short, for what a test has to say.
  var name: String {
    "\(inputChannels)→\(outputChannels) at \(height)×\(width), "
      + "\(kernel)×\(kernel)/\(stride), frame \(padding), \(paddingAfter)"
  }
}
