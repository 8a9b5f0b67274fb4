import CifarCore
import Kernels

/// Convolution as its definition says, for any kernel size and stride.
final class DirectConvolution: ConvolutionAlgorithm {
  private let shape: ConvolutionShape
  private let context: LayerContext
  private let inputGroups: Int
  private let outputGroups: Int
  private let outputPairs: Int
  /// (pairs of output groups, input channels, k, k, 2·lanes)
  private let packed: AlignedBuffer<Float>
  /// The same for the backward pass, inputs and outputs exchanged.
  private let packedTurned: AlignedBuffer<Float>?
  /// Images are cut into this many chunks, each with a sum of its own for the weights' gradient.
  private let chunks: Int
  /// (chunks, input groups, output pairs, k, k, lanes, 2·lanes)
  private let partialSums: AlignedBuffer<Float>
  private let tapFloats: Int
  private let desks: PlaneDesks
  let imagesAtOnce = 1
  var asksOnceForGradients: Bool { inputGroups * outputPairs == 1 }

  init(shape: ConvolutionShape, needsInputGradient: Bool, context: LayerContext) throws {
    self.shape = shape
    self.context = context
    let lanes = context.kernels.lanes
    inputGroups = blocks(shape.inputChannels, of: lanes)
    outputGroups = blocks(shape.outputChannels, of: lanes)
    outputPairs = blocks(outputGroups, of: 2)
    let taps = shape.kernel * shape.kernel
    packed = try AlignedBuffer(count: outputPairs * shape.inputChannels * taps * 2 * lanes)
    let turns = context.training && needsInputGradient
    packedTurned =
      turns
      ? try AlignedBuffer(
        count: blocks(inputGroups, of: 2) * shape.outputChannels * taps * 2 * lanes) : nil
    let turned = shape.backwardData
    let forwardFrame = shape.paddedHeight * shape.paddedWidth * inputGroups * lanes
    let backwardFrame =
      turns ? turned.paddedHeight * turned.paddedWidth * outputGroups * lanes : 0
    // A worker's image with its frame of zeros.
    context.scratch.reserve(worker: max(forwardFrame, backwardFrame))
    tapFloats = taps * lanes * 2 * lanes
    // Enough pieces to keep many threads busy, few enough that their sums stay in the cache.
    let items = inputGroups * outputPairs
    chunks = min(context.batchSize, max(1, 16 / items))
    desks = PlaneDesks(
      2,
      size: max(
        shape.height * shape.width * inputGroups * lanes,
        shape.outputHeight * shape.outputWidth * outputGroups * lanes), context: context)
    partialSums = try AlignedBuffer(count: context.training ? chunks * items * tapFloats : 0)
  }

  func prepare(weights: UnsafePointer<Float>) {
    context.kernels.packFilters(shape, weights, to: packed.pointer, turned: false)
    if let packedTurned {
      context.kernels.packFilters(shape, weights, to: packedTurned.pointer, turned: true)
    }
  }

  func forward(
    count: Int, input: any ImageSource, bias: UnsafePointer<Float>, relu: Bool, output: Values,
    visitor: (any ImageVisitor)?
  ) {
    let kernels = context.kernels
    let inputStride = inputGroups * kernels.lanes * shape.height * shape.width
    let outputStride = outputGroups * kernels.lanes * shape.outputHeight * shape.outputWidth
    func convolve(_ image: Int, _ images: Values, rows: Range<Int>, _ worker: Int) {
      let frame = context.scratch.pointer(worker: worker)
      let to = output + image * outputStride
      kernels.padImage(
        desks.read(images + image * inputStride, count: inputStride, worker: worker),
        groups: inputGroups, height: shape.height, width: shape.width, to: frame,
        paddedHeight: shape.paddedHeight,
        paddedWidth: shape.paddedWidth, offset: shape.padding, spread: 1)
      kernels.convolve(
        shape, padded: frame, packed: packed.pointer, bias: bias, relu: relu, rows: rows,
        output: desks.write(to, worker: worker, desk: 1))
      desks.keep(to, count: outputStride, worker: worker, desk: 1)
    }
    // Few images are shared row by row, if rows can be kept one by one.
    if count < 2 * context.pool.threads, output.storage == .float32,
      let images = input.batch(count)
    {
      let parts = Pieces(0..<shape.outputHeight, count: min(4, shape.outputHeight))
      context.pool.forEach(count * parts.count) { index, worker in
        let (image, part) = index.quotientAndRemainder(dividingBy: parts.count)
        convolve(image, images, rows: parts[part], worker)
      }
      if let visitor {
        context.pool.forEach(count) { image, _ in visitor.visit(image..<(image + 1)) }
      }
      return
    }
    context.pool.forEach(count) { image, worker in
      let one = image..<(image + 1)
      convolve(
        image, input.images(one, groups: 0..<inputGroups, worker: worker),
        rows: 0..<shape.outputHeight, worker)
      visitor?.visit(one)
    }
  }

  func backwardData(
    count: Int, outputGradient: any ImageSource,
    inputGradient: UnsafeMutablePointer<Float>, visitor: (any ImageVisitor)?
  ) {
    guard let packedTurned else { return }
    let kernels = context.kernels
    let inputStride = inputGroups * kernels.lanes * shape.height * shape.width
    let outputStride = outputGroups * kernels.lanes * shape.outputHeight * shape.outputWidth
    let turned = shape.backwardData
    context.pool.forEach(count) { image, worker in
      let frame = context.scratch.pointer(worker: worker)
      let one = image..<(image + 1)
      let gradients = outputGradient.images(one, groups: 0..<outputGroups, worker: worker).floats
      kernels.padImage(
        gradients + image * outputStride, groups: outputGroups,
        height: shape.outputHeight, width: shape.outputWidth, to: frame,
        paddedHeight: turned.paddedHeight, paddedWidth: turned.paddedWidth,
        offset: turned.padding, spread: shape.stride)
      kernels.convolve(
        turned, padded: frame, packed: packedTurned.pointer, bias: nil, relu: false,
        rows: 0..<turned.outputHeight,
        output: inputGradient + image * inputStride)
      visitor?.visit(one)
    }
  }

  func backwardWeights(
    count: Int, input: any ImageSource, outputGradient: any ImageSource,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let inputStride = inputGroups * kernels.lanes * shape.height * shape.width
    let outputStride = outputGroups * kernels.lanes * shape.outputHeight * shape.outputWidth
    let items = inputGroups * outputPairs
    // Each item needs the gradients.
    let outputGradient =
      asksOnceForGradients ? outputGradient : outputGradient.batch(count) ?? outputGradient
    context.pool.forEach(chunks * items) { index, worker in
      let (chunk, item) = index.quotientAndRemainder(dividingBy: items)
      let sum = partialSums.pointer + index * tapFloats
      sum.update(repeating: 0, count: tapFloats)
      let group = item / outputPairs
      for image in (count * chunk / chunks)..<(count * (chunk + 1) / chunks) {
        let one = image..<(image + 1)
        let images = input.images(one, groups: group..<(group + 1), worker: worker)
        let gradients = outputGradient.images(one, groups: 0..<outputGroups, worker: worker)
        kernels.addFilterGradient(
          shape, inputGroup: group, outputPair: item % outputPairs,
          image: desks.read(images + image * inputStride, count: inputStride, worker: worker),
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
