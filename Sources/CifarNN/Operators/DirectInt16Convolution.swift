import CifarCore
import Kernels

/// `DirectConvolution` with factors of 16 bits (`Int16Products`): an image has a scale, and so have the
/// weights of an output channel; in the gradient of the filters, each group of lanes of an image.
final class DirectInt16Convolution: ConvolutionAlgorithm {
  private let blocking: DirectBlocking
  private let shape: ConvolutionShape
  private let context: OperatorContext
  /// Of a quantized model, what takes steps of the input to those of the output.
  private let factor: Float
  /// (panels of output, input groups, k, k, pairs of channels, panel, 2), and (panels of output,
  /// panel): what takes the scales back.
  private let packed: AlignedBuffer<Int16>
  private let scales: AlignedBuffer<Float>
  /// The same for the backward pass, inputs and outputs exchanged.
  private let packedRotated: AlignedBuffer<Int16>?
  private let rotatedScales: AlignedBuffer<Float>
  private let tapFloats: Int

  init(_ blocking: DirectBlocking, factor: Float, context: OperatorContext) throws {
    self.blocking = blocking
    self.factor = factor
    self.context = context
    shape = blocking.shape
    let panel = context.kernels.panelLanes
    let taps = shape.kernel * shape.kernel
    let inputPanels = blocks(shape.inputChannels, of: panel)
    func numbers(_ panels: Int, _ inputs: Int) -> Int {
      panels * taps * blocks(inputs, of: 2) * 2 * panel
    }
    packed = try AlignedBuffer(count: numbers(blocking.outputPanels, shape.inputChannels))
    scales = try AlignedBuffer(count: blocking.outputPanels * panel)
    packedRotated =
      blocking.hasInputGradient
      ? try AlignedBuffer(count: numbers(inputPanels, shape.outputChannels)) : nil
    rotatedScales = try AlignedBuffer(count: blocking.hasInputGradient ? inputPanels * panel : 0)
    tapFloats = taps * context.kernels.lanes * panel
  }

  func prepare(weights: UnsafePointer<Float>) {
    context.kernels.packFiltersInt16(
      shape, weights, to: packed.pointer, scales: scales.pointer, rotated: false)
    if let packedRotated {
      context.kernels.packFiltersInt16(
        shape, weights, to: packedRotated.pointer, scales: rotatedScales.pointer, rotated: true)
    }
  }

  private var inputStride: Int {
    blocking.inputGroups * context.kernels.lanes * shape.height * shape.width
  }

  private var outputStride: Int {
    blocking.outputGroups * context.kernels.lanes * shape.outputHeight * shape.outputWidth
  }

  func forward(
    count: Int, input: any ImageProducer, bias: UnsafePointer<Float>, relu: Bool, output: Values,
    consumer: (any ImageConsumer)?
  ) {
    let kernels = context.kernels
    func convolve(_ image: Int, _ images: Values, rows: Range<Int>, _ worker: Int) {
      let frame = context.scratch.pointer(worker: worker).int16
      let scale = kernels.int16Frame(
        images + image * inputStride, groups: blocking.inputGroups, height: shape.height,
        width: shape.width, limit: Int16Products.plainLimit, to: frame,
        paddedHeight: shape.paddedHeight, paddedWidth: shape.paddedWidth, offset: shape.padding)
      kernels.convolveInt16(
        shape, padded: frame, imageScale: scale * factor, packed: packed.pointer,
        scales: scales.pointer, bias: bias, relu: relu, rows: rows,
        output: output + image * outputStride)
    }
    blocking.forEachImage(
      count, of: input, sharesRows: true, consumer: consumer, pool: context.pool, convolve)
  }

  func backwardData(
    count: Int, outputGradient: any ImageProducer,
    inputGradient: UnsafeMutablePointer<Float>, consumer: (any ImageConsumer)?
  ) {
    guard let packedRotated else { return }
    let kernels = context.kernels
    let groups = 0..<blocking.outputGroups
    context.pool.forEach(count) { image, worker in
      let one = image..<(image + 1)
      let gradients = outputGradient.images(one, groups: groups, worker: worker)
      let frame = context.scratch.pointer(worker: worker).int16
      let scale = kernels.int16Frame(
        gradients + image * outputStride, groups: groups.count, height: shape.outputHeight,
        width: shape.outputWidth, limit: Int16Products.plainLimit, to: frame,
        paddedHeight: shape.paddedGradientHeight, paddedWidth: shape.paddedGradientWidth,
        offset: shape.gradientPadding)
      kernels.convolveBackwardDataInt16(
        shape, padded: frame, imageScale: scale, packed: packedRotated.pointer,
        scales: rotatedScales.pointer, rows: 0..<shape.height,
        output: inputGradient + image * inputStride)
      consumer?.consume(one, worker: worker)
    }
  }

  func backwardWeights(
    batch: BatchPartition, input: any ImageProducer, outputGradient: any ImageProducer,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    let groups = blocking.inputGroups
    let chunks = blocking.pieces.count(batch)
    let groupFloats = blocking.outputPanels * tapFloats
    // Each group needs the gradients.
    let outputGradient =
      blocking.readsGradientsOnce
      ? outputGradient : outputGradient.batch(batch.count) ?? outputGradient
    let partialSums = FilterGradientSums(blocking.shape, chunks: chunks, context)
    context.pool.forEach(chunks * groups) { index, worker in
      let (chunk, group) = index.quotientAndRemainder(dividingBy: groups)
      let sums = partialSums.pointer(chunk: chunk, inputGroup: group)
      sums.update(repeating: 0, count: groupFloats)
      for image in blocking.pieces.piece(chunk, of: batch) {
        add(image, group, input, outputGradient, to: sums, worker)
      }
    }
    partialSums.addUp(to: weightGradient)
  }

  /// What one image adds to the sums of an input group, (panels of output, k, k, lanes, panel).
  private func add(
    _ image: Int, _ group: Int, _ input: any ImageProducer, _ outputGradient: any ImageProducer,
    to sums: UnsafeMutablePointer<Float>, _ worker: Int
  ) {
    let kernels = context.kernels
    let lanes = kernels.lanes
    let one = image..<(image + 1)
    let images = input.images(one, groups: group..<(group + 1), worker: worker)
    let gradients = outputGradient.images(one, groups: 0..<blocking.outputGroups, worker: worker)
    let pixels = context.scratch.pointer(worker: worker).int16
    let dy = (context.scratch.pointer(worker: worker) + blocking.pixelFloats).int16
    let scale = kernels.pixelPairs(
      shape, images + image * inputStride + group * shape.height * shape.width * lanes,
      to: pixels)
    let plane = shape.outputHeight * shape.outputWidth * lanes
    let vectors = kernels.panelLanes / lanes
    for panel in 0..<blocking.outputPanels {
      let first = UnsafePointer(gradients.floats) + image * outputStride + panel * vectors * plane
      let hasSecond = panel * vectors + 1 < blocking.outputGroups
      let gradientScale = kernels.gradientPairs(
        shape, first: first, second: hasSecond ? first + plane : nil, to: dy)
      kernels.addFilterGradientInt16(
        shape, channels: min(lanes, shape.inputChannels - group * lanes), image: pixels,
        gradient: dy, scale: scale * gradientScale, sum: sums + panel * tapFloats)
    }
  }
}
