import CifarCore
import Kernels

/// How `DirectConvolution` cuts its work.
struct DirectBlocking: Equatable, Sendable {
  let shape: ConvolutionShape
  /// Groups of lanes.
  let inputGroups: Int
  let outputGroups: Int
  /// Panels of output channels.
  let outputPanels: Int
  /// Whether there is a gradient of the input to compute.
  let hasInputGradient: Bool
  /// Images are cut into this many chunks, each with a sum of its own for the weights' gradient.
  /// Enough to keep many threads busy, few enough that their sums stay in the cache.
  let chunks: Int
  /// What a chunk of the weights' gradient is shared by: groups of the input, and with factors of
  /// float32 panels of the output.
  let items: Int
  /// Floats of the largest image, with its channels padded.
  let imageFloats: Int
  /// Those of the pairs of pixels of an input group, where factors have 16 bits; the pairs of a panel of
  /// the gradient follow.
  let pixelFloats: Int
  let scratch: ScratchSize

  /// Whether each image of the output's gradient is read once for the weights' gradient.
  var readsGradientsOnce: Bool { items == 1 }

  init(_ shape: ConvolutionShape, needsInputGradient: Bool, _ target: PlanTarget) {
    self.shape = shape
    let lanes = target.tiles.lanes
    inputGroups = blocks(shape.inputChannels, of: lanes)
    outputGroups = blocks(shape.outputChannels, of: lanes)
    outputPanels = blocks(shape.outputChannels, of: target.tiles.panelLanes)
    hasInputGradient = target.training && needsInputGradient
    let isInt16 = target.products == .int16
    items = isInt16 ? inputGroups : inputGroups * outputPanels
    chunks = min(target.batchSize, max(1, 16 / items))
    imageFloats = max(
      shape.height * shape.width * inputGroups * lanes,
      shape.outputHeight * shape.outputWidth * outputGroups * lanes)
    // A worker's image with its frame of zeros.
    let forward = shape.paddedHeight * shape.paddedWidth * inputGroups * lanes
    let backward =
      hasInputGradient
      ? shape.paddedGradientHeight * shape.paddedGradientWidth * outputGroups * lanes : 0
    let pairs = blocks(shape.outputWidth, of: 2)
    pixelFloats =
      isInt16 && target.training ? shape.kernel * shape.height * pairs * lanes : 0
    guard isInt16 else {
      scratch = ScratchSize(
        worker: max(
          shape.hasFrame ? forward : 0, shape.hasGradientFrame ? backward : 0)
      ).union(StagingBuffers.scratch(2, size: imageFloats, target))
      return
    }
    let gradientFloats =
      target.training ? shape.outputHeight * pairs * target.tiles.panelLanes : 0
    scratch = ScratchSize(
      worker: max(blocks(max(forward, backward), of: 2), pixelFloats + gradientFloats))
  }
}

/// Convolution as its definition says, for any kernel size and stride.
final class DirectConvolution: ConvolutionAlgorithm {
  private let shape: ConvolutionShape
  private let context: OperatorContext
  private let inputGroups: Int
  private let outputGroups: Int
  private let outputPanels: Int
  private let chunks: Int
  private let readsGradientsOnce: Bool
  /// (panels of output, input channels, k, k, panel)
  private let packed: AlignedBuffer<Float>
  /// The same for the backward pass, inputs and outputs exchanged.
  private let packedRotated: AlignedBuffer<Float>?
  /// (chunks, input groups, panels of output, k, k, lanes, panel)
  private let partialSums: AlignedBuffer<Float>
  private let tapFloats: Int
  private let staging: StagingBuffers

  init(_ blocking: DirectBlocking, context: OperatorContext) throws {
    shape = blocking.shape
    self.context = context
    inputGroups = blocking.inputGroups
    outputGroups = blocking.outputGroups
    outputPanels = blocking.outputPanels
    chunks = blocking.chunks
    readsGradientsOnce = blocking.readsGradientsOnce
    let panel = context.kernels.panelLanes
    let taps = shape.kernel * shape.kernel
    packed = try AlignedBuffer(count: outputPanels * shape.inputChannels * taps * panel)
    packedRotated =
      blocking.hasInputGradient
      ? try AlignedBuffer(
        count: blocks(shape.inputChannels, of: panel) * shape.outputChannels * taps * panel) : nil
    tapFloats = taps * context.kernels.lanes * panel
    staging = StagingBuffers(size: blocking.imageFloats, context: context)
    partialSums = try AlignedBuffer(
      count: context.training ? chunks * blocking.items * tapFloats : 0)
  }

  func prepare(weights: UnsafePointer<Float>) {
    context.kernels.packFilters(shape, weights, to: packed.pointer, rotated: false)
    if let packedRotated {
      context.kernels.packFilters(shape, weights, to: packedRotated.pointer, rotated: true)
    }
  }

  func forward(
    count: Int, input: any ImageProducer, bias: UnsafePointer<Float>, relu: Bool, output: Values,
    consumer: (any ImageConsumer)?
  ) {
    let kernels = context.kernels
    let inputStride = inputGroups * kernels.lanes * shape.height * shape.width
    let outputStride = outputGroups * kernels.lanes * shape.outputHeight * shape.outputWidth
    func convolve(_ image: Int, _ images: Values, rows: Range<Int>, _ worker: Int) {
      var padded = staging.read(images + image * inputStride, count: inputStride, worker: worker)
      if shape.hasFrame {
        let frame = context.scratch.pointer(worker: worker)
        kernels.padImage(
          padded, groups: inputGroups, height: shape.height, width: shape.width, to: frame,
          paddedHeight: shape.paddedHeight, paddedWidth: shape.paddedWidth, offset: shape.padding)
        padded = UnsafePointer(frame)
      }
      staging.write(
        output + image * outputStride, count: outputStride, worker: worker, buffer: 1
      ) {
        kernels.convolve(
          shape, padded: padded, packed: packed.pointer, bias: bias, relu: relu, rows: rows,
          output: $0)
      }
    }
    // Few images are shared row by row, if rows can be kept one by one.
    if count < 2 * context.pool.threads, output.storage == .float32,
      let images = input.batch(count)
    {
      let parts = WorkPartition(0..<shape.outputHeight, count: min(4, shape.outputHeight))
      context.pool.forEach(count * parts.count) { index, worker in
        let (image, part) = index.quotientAndRemainder(dividingBy: parts.count)
        convolve(image, images, rows: parts[part], worker)
      }
      if let consumer {
        context.pool.forEach(count) { image, _ in consumer.consume(image..<(image + 1)) }
      }
      return
    }
    context.pool.forEach(count) { image, worker in
      let one = image..<(image + 1)
      convolve(
        image, input.images(one, groups: 0..<inputGroups, worker: worker),
        rows: 0..<shape.outputHeight, worker)
      consumer?.consume(one)
    }
  }

  func backwardData(
    count: Int, outputGradient: any ImageProducer,
    inputGradient: UnsafeMutablePointer<Float>, consumer: (any ImageConsumer)?
  ) {
    guard let packedRotated else { return }
    let kernels = context.kernels
    let inputStride = inputGroups * kernels.lanes * shape.height * shape.width
    let outputStride = outputGroups * kernels.lanes * shape.outputHeight * shape.outputWidth
    context.pool.forEach(count) { image, worker in
      let one = image..<(image + 1)
      let gradients = outputGradient.images(one, groups: 0..<outputGroups, worker: worker).floats
      var padded = UnsafePointer(gradients + image * outputStride)
      if shape.hasGradientFrame {
        let frame = context.scratch.pointer(worker: worker)
        kernels.padImage(
          padded, groups: outputGroups, height: shape.outputHeight, width: shape.outputWidth,
          to: frame, paddedHeight: shape.paddedGradientHeight,
          paddedWidth: shape.paddedGradientWidth, offset: shape.gradientPadding)
        padded = UnsafePointer(frame)
      }
      kernels.convolveBackwardData(
        shape, padded: padded, packed: packedRotated.pointer, rows: 0..<shape.height,
        output: inputGradient + image * inputStride)
      consumer?.consume(one)
    }
  }

  func backwardWeights(
    count: Int, input: any ImageProducer, outputGradient: any ImageProducer,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let inputStride = inputGroups * kernels.lanes * shape.height * shape.width
    let outputStride = outputGroups * kernels.lanes * shape.outputHeight * shape.outputWidth
    let items = inputGroups * outputPanels
    // Each item needs the gradients.
    let outputGradient =
      readsGradientsOnce ? outputGradient : outputGradient.batch(count) ?? outputGradient
    context.pool.forEach(chunks * items) { index, worker in
      let (chunk, item) = index.quotientAndRemainder(dividingBy: items)
      let sum = partialSums.pointer + index * tapFloats
      sum.update(repeating: 0, count: tapFloats)
      let group = item / outputPanels
      for image in (count * chunk / chunks)..<(count * (chunk + 1) / chunks) {
        let one = image..<(image + 1)
        let images = input.images(one, groups: group..<(group + 1), worker: worker)
        let gradients = outputGradient.images(one, groups: 0..<outputGroups, worker: worker)
        kernels.addFilterGradient(
          shape, inputGroup: group, outputPanel: item % outputPanels,
          image: staging.read(images + image * inputStride, count: inputStride, worker: worker),
          gradient: gradients.floats + image * outputStride, sum: sum)
      }
    }
    for chunk in 1..<max(1, chunks) where chunk < chunks {
      kernels.accumulate(
        partialSums.pointer + chunk * items * tapFloats, count: items * tapFloats,
        into: partialSums.pointer)
    }
    kernels.unpackFilterGradient(shape, partialSums.pointer, to: weightGradient)
  }
}
