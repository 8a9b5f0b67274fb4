import CifarCore
import Kernels

/// Convolution as its definition says, for any kernel size and stride.
final class DirectConvolution: ConvolutionAlgorithm {
  private let blocking: DirectBlocking
  private let shape: ConvolutionShape
  private let context: OperatorContext
  private let inputGroups: Int
  private let outputGroups: Int
  private let outputPanels: Int
  private let readsGradientsOnce: Bool
  /// (panels of output, input channels, k, k, panel)
  private let packed: AlignedBuffer<Float>
  /// The same for the backward pass, inputs and outputs exchanged.
  private let packedRotated: AlignedBuffer<Float>?
  private let tapFloats: Int
  private let staging: StagingBuffers

  init(_ blocking: DirectBlocking, context: OperatorContext) throws {
    self.blocking = blocking
    shape = blocking.shape
    self.context = context
    inputGroups = blocking.inputGroups
    outputGroups = blocking.outputGroups
    outputPanels = blocking.outputPanels
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
    blocking.forEachImage(
      count, of: input, sharesRows: output.storage == .float32, consumer: consumer,
      pool: context.pool, convolve)
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
      consumer?.consume(one, worker: worker)
    }
  }

  func backwardWeights(
    batch: BatchPartition, input: any ImageProducer, outputGradient: any ImageProducer,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let inputStride = inputGroups * kernels.lanes * shape.height * shape.width
    let outputStride = outputGroups * kernels.lanes * shape.outputHeight * shape.outputWidth
    let items = inputGroups * outputPanels
    // Each item needs the gradients.
    let outputGradient =
      readsGradientsOnce ? outputGradient : outputGradient.batch(batch.count) ?? outputGradient
    let chunks = blocking.pieces.count(batch)
    let sums = FilterGradientSums(shape, chunks: chunks, context)
    context.pool.forEach(chunks * items) { index, worker in
      let (chunk, item) = index.quotientAndRemainder(dividingBy: items)
      let group = item / outputPanels
      let sum = sums.pointer(chunk: chunk, inputGroup: group, outputPanel: item % outputPanels)
      sum.update(repeating: 0, count: tapFloats)
      for image in blocking.pieces.piece(chunk, of: batch) {
        let one = image..<(image + 1)
        let images = input.images(one, groups: group..<(group + 1), worker: worker)
        let gradients = outputGradient.images(one, groups: 0..<outputGroups, worker: worker)
        kernels.addFilterGradient(
          shape, inputGroup: group, outputPanel: item % outputPanels,
          image: staging.read(images + image * inputStride, count: inputStride, worker: worker),
          gradient: gradients.floats + image * outputStride, sum: sum)
      }
    }
    sums.addUp(to: weightGradient)
  }
}
