import Kernels
import TestSupport
import Testing

/// The three passes of one direct convolution of int16 over one image against its oracle.
struct Int16ConvolutionCheck {
  let kernels: any KernelTable
  let shape: ConvolutionShape
  private let sample: ConvolutionSample
  private let filters: GuardedBuffer<Float>
  private let bound: Double

  /// - Parameter isConstant: whether all numbers of a kind are equal, so that every one is as large as
  ///   it can be and rounded without an error.
  init(kernels: any KernelTable, shape: ConvolutionShape, isConstant: Bool = false) {
    self.kernels = kernels
    self.shape = shape
    sample = ConvolutionSample(shape, isConstant: isConstant)
    filters = GuardedBuffer(sample.filters)
    bound = isConstant ? 1e-6 : 4e-4
  }

  private var lanes: Int { kernels.lanes }
  private var panel: Int { kernels.panelLanes }

  func forward() {
    let outputs = shape.outputChannels
    let bias = Samples.uniform(outputs, seed: 4)
    let paddedBias = GuardedBuffer(
      bias + [Float](repeating: 0, count: blocks(outputs, of: panel) * panel - outputs))
    let image = GuardedBuffer(sample.blockedImage(lanes))
    let expected = sample.oracle.forward(
      sample.image.doubles, sample.filters.doubles, bias: bias.doubles)
    let frame = frame(
      Values(image.pointer), channels: shape.inputChannels, (shape.height, shape.width),
      padded: (shape.paddedHeight, shape.paddedWidth), offset: shape.padding)
    let (packed, scales) = pack(rotated: false)
    let count = blocks(outputs, of: lanes) * shape.outputHeight * shape.outputWidth * lanes
    func output(relu: Bool, _ to: Values) {
      kernels.convolveInt16(
        shape, padded: frame.numbers.pointer, imageScale: frame.inverse, packed: packed.pointer,
        scales: scales.pointer, bias: paddedBias.pointer, relu: relu, rows: 0..<shape.outputHeight,
        output: to)
    }
    let y = GuardedBuffer(output: count)
    output(relu: false, Values(y.pointer))
    let plain = unblocked(y, outputs, (shape.outputHeight, shape.outputWidth))
    #expect(shape.error(plain, expected, channels: shape.inputChannels) < bound, "\(shape.name)")
    // To bfloat16, after a ReLU.
    let halves = GuardedBuffer(halves: [Float](repeating: .nan, count: count))
    output(relu: true, Values(base: halves.pointer, storage: .bfloat16))
    #expect(
      zip(halves.array, y.array).allSatisfy { abs($0.float - max(0, $1)) <= abs($1) / 256 },
      "\(shape.name)")
    #expect(halves.isIntact)
  }

  func backwardData() {
    let gradient = GuardedBuffer(sample.blockedGradient(lanes))
    let frame = frame(
      Values(gradient.pointer), channels: shape.outputChannels,
      (shape.outputHeight, shape.outputWidth),
      padded: (shape.paddedGradientHeight, shape.paddedGradientWidth),
      offset: shape.gradientPadding)
    let (packed, scales) = pack(rotated: true)
    let dx = GuardedBuffer(
      output: blocks(shape.inputChannels, of: lanes) * shape.height * shape.width * lanes)
    kernels.convolveBackwardDataInt16(
      shape, padded: frame.numbers.pointer, imageScale: frame.inverse, packed: packed.pointer,
      scales: scales.pointer, rows: 0..<shape.height, output: dx.pointer)
    let plain = unblocked(dx, shape.inputChannels, (shape.height, shape.width))
    let expected = sample.oracle.backwardData(sample.gradient.doubles, sample.filters.doubles)
    #expect(shape.error(plain, expected, channels: shape.outputChannels) < bound, "\(shape.name)")
  }

  func backwardWeights() {
    let gradient = GuardedBuffer(sample.blockedGradient(lanes))
    let image = sample.blockedImage(lanes)
    let groups = blocks(shape.inputChannels, of: lanes)
    let panels = blocks(shape.outputChannels, of: panel)
    let outputGroups = blocks(shape.outputChannels, of: lanes)
    let size = shape.kernel * shape.kernel * lanes * panel  // (k, k, lanes, panel)
    let sums = GuardedBuffer([Float](repeating: 0, count: groups * panels * size))
    let pairs = blocks(shape.outputWidth, of: 2)
    let plane = shape.height * shape.width * lanes
    let outputPlane = shape.outputHeight * shape.outputWidth * lanes
    for group in 0..<groups {
      let part = GuardedBuffer(Array(image[(group * plane)..<((group + 1) * plane)]))
      let pixels = GuardedBuffer(int16: shape.kernel * shape.height * pairs * lanes * 2)
      let scale = kernels.pixelPairs(shape, Values(part.pointer), to: pixels.pointer)
      #expect(pixels.isIntact)
      for index in 0..<panels {
        let dy = GuardedBuffer(int16: shape.outputHeight * pairs * panel * 2)
        let first = UnsafePointer(gradient.pointer) + index * 2 * outputPlane
        let gradientScale = kernels.gradientPairs(
          shape, first: first, second: 2 * index + 1 < outputGroups ? first + outputPlane : nil,
          to: dy.pointer)
        #expect(dy.isIntact)
        // Twice: the kernel adds to what is there.
        for _ in 0..<2 {
          kernels.addFilterGradientInt16(
            shape, channels: min(lanes, shape.inputChannels - group * lanes),
            image: pixels.pointer, gradient: dy.pointer, scale: scale * gradientScale,
            sum: sums.pointer + (group * panels + index) * size)
        }
      }
    }
    let result = GuardedBuffer(output: sample.filters.count)
    for item in 0..<(groups * panels) {
      kernels.unpackFilterGradient(
        shape, sums.pointer + item * size, inputGroup: item / panels,
        outputPanel: item % panels, to: result.pointer)
    }
    let expected = sample.oracle.backwardWeights(sample.image.doubles, sample.gradient.doubles)
    #expect(relativeError(result.array, expected.map { 2 * $0 }) < 2 * bound, "\(shape.name)")
    #expect(sums.isIntact)
  }

  /// - Parameter padded: the size with the frame of zeros.
  private func frame(
    _ image: Values, channels: Int, _ size: (Int, Int), padded: (Int, Int), offset: Int
  ) -> (numbers: GuardedBuffer<Int16>, inverse: Float) {
    let groups = blocks(channels, of: lanes)
    let frame = GuardedBuffer(int16: groups * padded.0 * padded.1 * lanes)
    let inverse = kernels.int16Frame(
      image, groups: groups, height: size.0, width: size.1, limit: Int16Products.plainLimit,
      to: frame.pointer, paddedHeight: padded.0, paddedWidth: padded.1, offset: offset)
    #expect(frame.isIntact)
    // What lies outside is zero, and what is inside is rounded.
    for i in 0..<frame.count {
      let (row, rest) = (i / lanes).quotientAndRemainder(dividingBy: padded.1)
      let (group, y) = (row / padded.0, row % padded.0 - offset)
      let x = rest - offset
      let isInside = y >= 0 && y < size.0 && x >= 0 && x < size.1
      let place = ((group * size.0 + y) * size.1 + x) * lanes + i % lanes
      let value = isInside ? image.floats[place] : 0
      #expect(abs(Float(frame[i]) * inverse - value) <= 0.51 * inverse, "\(shape.name)")
    }
    return (frame, inverse)
  }

  private func pack(rotated: Bool) -> (GuardedBuffer<Int16>, GuardedBuffer<Float>) {
    let (inputs, outputs) =
      rotated
      ? (shape.outputChannels, shape.inputChannels) : (shape.inputChannels, shape.outputChannels)
    let panels = blocks(outputs, of: panel)
    let packed = GuardedBuffer(
      int16: panels * shape.kernel * shape.kernel * blocks(inputs, of: 2) * 2 * panel)
    let scales = GuardedBuffer(output: panels * panel)
    kernels.packFiltersInt16(
      shape, filters.pointer, to: packed.pointer, scales: scales.pointer, rotated: rotated)
    #expect(packed.isIntact && scales.isIntact)
    return (packed, scales)
  }

  private func unblocked(
    _ output: GuardedBuffer<Float>, _ channels: Int, _ size: (Int, Int)
  ) -> [Float] {
    #expect(output.isIntact)
    let pixels = size.0 * size.1
    let plain = BlockedLayout.unblock(
      output.array, images: 1, channels: channels, pixels: pixels, lanes: lanes)
    // Lanes without a channel stay 0: the next layer relies on it.
    #expect(
      output.array
        == BlockedLayout.block(plain, images: 1, channels: channels, pixels: pixels, lanes: lanes),
      "\(shape.name)")
    return plain
  }
}
