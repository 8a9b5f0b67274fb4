import CifarCore
import Kernels

/// How `DirectConvolution` and `DirectInt16Convolution` cut their work.
struct DirectBlocking: Equatable, Sendable {
  let shape: ConvolutionShape
  /// Groups of lanes.
  let inputGroups: Int
  let outputGroups: Int
  /// Panels of output channels.
  let outputPanels: Int
  /// Whether there is a gradient of the input to compute.
  let hasInputGradient: Bool
  /// The chunks of the weights' gradient.
  let pieces: GroupPieces
  /// What each of them is shared by: groups of the input, and with factors of float32 panels of the
  /// output.
  let items: Int
  /// Floats of the largest image, with its channels padded.
  let imageFloats: Int
  /// Those of the pairs of pixels of an input group, where factors have 16 bits; the pairs of a panel of
  /// the gradient follow.
  let pixelFloats: Int
  let scratch: ScratchSize

  /// Whether each image of the output's gradient is read once for the weights' gradient.
  var readsGradientsOnce: Bool { items == 1 }

  /// Pixels of the output that are worth a sum of their own.
  private static let piecePixels = 2048

  init(_ shape: ConvolutionShape, needsInputGradient: Bool, _ target: PlanTarget) {
    self.shape = shape
    let lanes = target.tiles.lanes
    inputGroups = blocks(shape.inputChannels, of: lanes)
    outputGroups = blocks(shape.outputChannels, of: lanes)
    outputPanels = blocks(shape.outputChannels, of: target.tiles.panelLanes)
    hasInputGradient = target.training && needsInputGradient
    let isInt16 = target.products == .int16
    items = isInt16 ? inputGroups : inputGroups * outputPanels
    pieces = GroupPieces(
      items: items,
      images: blocks(DirectBlocking.piecePixels, of: shape.outputHeight * shape.outputWidth))
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
    let sumFloats =
      inputGroups * outputPanels * shape.kernel * shape.kernel * lanes * target.tiles.panelLanes
    let filterSums = target.training ? pieces.most(batchSize: target.batchSize) * sumFloats : 0
    guard isInt16 else {
      scratch = ScratchSize(
        filterSums: filterSums,
        worker: max(
          shape.hasFrame ? forward : 0, shape.hasGradientFrame ? backward : 0)
      ).union(StagingBuffers.scratch(2, size: imageFloats, target))
      return
    }
    let gradientFloats =
      target.training ? shape.outputHeight * pairs * target.tiles.panelLanes : 0
    scratch = ScratchSize(
      filterSums: filterSums,
      worker: max(blocks(max(forward, backward), of: 2), pixelFloats + gradientFloats))
  }
}

extension DirectBlocking {
  /// Has images convolved, each as a whole, or, where there are few for the threads, in parts.
  ///
  /// - Parameters:
  ///   - sharesRows: whether rows of the output can be written one by one.
  ///   - consumer: is told of each image that is done.
  ///   - convolve: gets the image, where all images are, the rows of the output, and the worker.
  func forEachImage(
    _ count: Int, of input: any ImageProducer, sharesRows: Bool, consumer: (any ImageConsumer)?,
    pool: ThreadPool, _ convolve: (Int, Values, Range<Int>, Int) -> Void
  ) {
    if sharesRows, count < 2 * pool.threads, let images = input.batch(count) {
      let parts = WorkPartition(0..<shape.outputHeight, count: min(4, shape.outputHeight))
      pool.forEach(count * parts.count) { index, worker in
        let (image, part) = index.quotientAndRemainder(dividingBy: parts.count)
        convolve(image, images, parts[part], worker)
      }
      consumer?.consume(batch: count, pool)
      return
    }
    pool.forEach(count) { image, worker in
      let one = image..<(image + 1)
      convolve(
        image, input.images(one, groups: 0..<inputGroups, worker: worker), 0..<shape.outputHeight,
        worker)
      consumer?.consume(one, worker: worker)
    }
  }
}
