import CifarCore
import Kernels

/// How `WinogradConvolution` cuts its work.
struct WinogradBlocking: Equatable, Sendable {
  let shape: ConvolutionShape
  let inputGroups: Int
  let outputGroups: Int
  let inputPanels: Int
  let outputPanels: Int
  /// Images of a chunk, unless one has more tiles than a block.
  let chunkImages: Int
  /// Floats of a block's transforms; in a worker's scratch memory its products with one panel
  /// follow.
  let transformedFloats: Int
  /// Floats of all transformed weights.
  let filterFloats: Int
  /// Those of them in the scratch memory; 0 where they stay as they are.
  let scratchFilters: Int
  /// nil where nothing is trained.
  let weightGradient: WinogradWeightGradientBlocking?
  let scratch: ScratchSize

  var imagesAtOnce: Int { max(chunkImages, weightGradient?.imagesAtOnce ?? 0) }

  /// The most packs of a block.
  static let packs = 6

  init(_ shape: ConvolutionShape, needsInputGradient: Bool, _ target: PlanTarget) {
    self.shape = shape
    let (lanes, panel) = (target.tiles.lanes, target.tiles.panelLanes)
    inputGroups = blocks(shape.inputChannels, of: lanes)
    outputGroups = blocks(shape.outputChannels, of: lanes)
    inputPanels = blocks(shape.inputChannels, of: panel)
    outputPanels = blocks(shape.outputChannels, of: panel)
    let packs = WinogradBlocking.packs
    let tiling = WinogradTiling(height: shape.height, width: shape.width)
    chunkImages = max(1, packs * Winograd.packTiles / tiling.tilesPerImage)
    weightGradient = target.training ? WinogradWeightGradientBlocking(shape, target) : nil
    let hasInputGradient = target.training && needsInputGradient
    let groups = hasInputGradient ? max(inputGroups, outputGroups) : inputGroups
    transformedFloats = packs * WinogradConvolution.packStride(groups * lanes)
    filterFloats = outputPanels * Winograd.points * inputGroups * lanes * panel
    let rotated =
      hasInputGradient ? inputPanels * Winograd.points * outputGroups * lanes * panel : 0
    scratchFilters = target.training ? max(filterFloats, rotated) : 0
    scratch = ScratchSize(
      shared: scratchFilters + target.threads * transformedFloats,
      worker: transformedFloats + packs * Winograd.packTiles * Winograd.points * panel
    ).union(weightGradient?.scratch ?? ScratchSize())
  }
}

/// 3×3 convolution with stride 1 and a frame of one zero, by Winograd's F(4×4, 3×3) and
/// F(3×3, 4×4).
///
/// Forward and backward to the data go by chunks of some whole images, and in them by blocks of
/// tiles: transformed, multiplied and transformed back while they are in the second-level cache.
/// What happens to the images just before and after happens there as well.
final class WinogradConvolution: ConvolutionAlgorithm {
  private let blocking: WinogradBlocking
  private let shape: ConvolutionShape
  private let context: OperatorContext
  private let tiling: WinogradTiling
  private var weights: UnsafePointer<Float>?
  /// (panels of output, 36, inputs, panel), where the weights stay as they are. Those of a network
  /// that learns serve for one pass: they are made in the scratch memory, which the caches hold.
  private let keptFilters: AlignedBuffer<Float>?
  private let weightGradient: WinogradWeightGradient?

  /// Whether the shape is one that this algorithm computes.
  static func fits(_ shape: ConvolutionShape) -> Bool {
    shape.kernel == 3 && shape.stride == 1 && shape.padding == 1 && shape.paddingAfter == 1
  }

  init(_ blocking: WinogradBlocking, context: OperatorContext) throws {
    self.blocking = blocking
    shape = blocking.shape
    self.context = context
    tiling = WinogradTiling(height: shape.height, width: shape.width)
    weightGradient = blocking.weightGradient.map {
      WinogradWeightGradient($0, shape: blocking.shape, context: context)
    }
    keptFilters =
      context.training
      ? nil : try AlignedBuffer(count: blocking.filterFloats, for: "the transformed weights")
  }

  /// Floats from one pack of this many channels to the next: a little more than it holds. At a power
  /// of two they would share their cache sets.
  static func packStride(_ channels: Int) -> Int {
    Winograd.points * Winograd.packTiles * channels + 16
  }

  func prepare(weights: UnsafePointer<Float>) {
    self.weights = weights
    if let keptFilters { transformFilters(rotated: false, to: keptFilters.pointer) }
  }

  private func transformFilters(rotated: Bool, to filters: UnsafeMutablePointer<Float>) {
    guard let weights else { return }
    let panels = rotated ? blocking.inputPanels : blocking.outputPanels
    let groups = rotated ? blocking.outputGroups : blocking.inputGroups
    context.pool.forEach(panels * groups) { index, _ in
      context.kernels.winogradFilters(
        shape, weights, to: filters, rotated: rotated, panel: index / groups, group: index % groups)
    }
  }

  /// The filters of one pass: those that are kept, or new ones.
  private func filters(rotated: Bool) -> UnsafePointer<Float> {
    if let keptFilters, !rotated { return UnsafePointer(keptFilters.pointer) }
    transformFilters(rotated: rotated, to: context.scratch.shared)
    return UnsafePointer(context.scratch.shared)
  }

  func forward(
    count: Int, input: any ImageProducer, bias: UnsafePointer<Float>, relu: Bool, output: Values,
    consumer: (any ImageConsumer)?
  ) {
    convolve(
      Product(
        input: input, groups: blocking.inputGroups, filters: filters(rotated: false),
        panels: blocking.outputPanels,
        bias: bias, relu: relu, output: output, outputGroups: blocking.outputGroups),
      images: count, consumer)
  }

  func backwardData(
    count: Int, outputGradient: any ImageProducer,
    inputGradient: UnsafeMutablePointer<Float>, consumer: (any ImageConsumer)?
  ) {
    convolve(
      Product(
        input: outputGradient, groups: blocking.outputGroups, filters: filters(rotated: true),
        panels: blocking.inputPanels, bias: nil, relu: false, output: Values(inputGradient),
        outputGroups: blocking.inputGroups),
      images: count, consumer)
  }

  /// What is convolved with what: the forward pass and the one to the data differ in nothing else.
  private struct Product {
    var input: any ImageProducer
    var groups: Int
    var filters: UnsafePointer<Float>
    var panels: Int
    var bias: UnsafePointer<Float>?
    var relu: Bool
    var output: Values
    var outputGroups: Int
  }

  private func convolve(_ product: Product, images count: Int, _ consumer: (any ImageConsumer)?) {
    // With too little to share, the panels are shared as well. Every number is made in the same
    // way, so that the choice does not show in the result.
    let packs = blocks(tiles(of: 0..<count).count, of: Winograd.packTiles)
    let threads = context.pool.threads
    if packs <= WinogradBlocking.packs * threads || count < threads,
      let images = product.input.batch(count)
    {
      let most = WinogradBlocking.packs * threads
      let parts = WorkPartition(tiles(of: 0..<count), most: most, unit: Winograd.packTiles)
      for part in 0..<parts.count { convolveByPanels(product, images, tiles: parts[part]) }
      if let consumer {
        context.pool.forEach(count) { image, _ in consumer.consume(image..<(image + 1)) }
      }
      return
    }
    let chunks = WorkPartition(0..<count, most: blocking.chunkImages, multiple: 4)
    context.pool.forEach(chunks.count) { index, worker in
      let chunk = chunks[index]
      if chunk.isEmpty { return }
      let x = context.scratch.pointer(worker: worker)
      let images = product.input.images(chunk, groups: 0..<product.groups, worker: worker)
      let blocks = tileBlocks(of: chunk)
      // What this worker will most likely read next.
      let next = product.input.prefetchRanges(
        chunks[index + 1], groups: 0..<product.groups, layout: layout(product.groups))
      for number in 0..<blocks.count {
        transform(product, images, blocks[number], to: x)
        for panel in 0..<product.panels {
          var prefetch = next.part(
            number * product.panels + panel, of: blocks.count * product.panels)
          if number == 0 {
            // Also what this chunk will need at its end.
            prefetch.fourth = written(product, chunk, panel)
            prefetch.fifth = consumer?.prefetchRanges(chunk)?.part(panel, of: product.panels)
          }
          multiply(
            product, x, blocks[number], panel, products: x + blocking.transformedFloats,
            prefetch: prefetch)
        }
      }
      consumer?.consume(chunk)
    }
  }

  private func tiles(of images: Range<Int>) -> Range<Int> {
    (images.lowerBound * tiling.tilesPerImage)..<(images.upperBound * tiling.tilesPerImage)
  }

  private func tileBlocks(of images: Range<Int>) -> WorkPartition {
    WorkPartition(tiles(of: images), most: WinogradBlocking.packs, unit: Winograd.packTiles)
  }

  /// First all tiles are transformed, then each panel takes them up, some packs at a time.
  private func convolveByPanels(_ product: Product, _ images: Values, tiles: Range<Int>) {
    let pack = Winograd.packTiles
    let stride = WinogradConvolution.packStride(product.groups * context.kernels.lanes)
    let x = context.scratch.shared + blocking.scratchFilters
    let packs = WorkPartition(tiles, most: 1, unit: pack)
    context.pool.forEach(packs.count) { index, _ in
      transform(product, images, packs[index], to: x + index * stride)
    }
    let parts = WorkPartition(tiles, most: 2, unit: pack)
    context.pool.forEach(product.panels * parts.count) { index, worker in
      let (panel, number) = index.quotientAndRemainder(dividingBy: parts.count)
      let part = parts[number]
      multiply(
        product, x + (part.lowerBound - tiles.lowerBound) / pack * stride, part, panel,
        products: context.scratch.pointer(worker: worker), prefetch: PrefetchRanges())
    }
  }

  /// Tiles into the transformed space.
  private func transform(
    _ product: Product, _ images: Values, _ tiles: Range<Int>, to x: UnsafeMutablePointer<Float>
  ) {
    context.kernels.winogradInput(
      tiling,
      WinogradTiles(
        images: images, imageGroups: product.groups, groups: 0..<product.groups, tiles: tiles),
      to: x,
      packStride: WinogradConvolution.packStride(product.groups * context.kernels.lanes))
  }

  private func layout(_ groups: Int) -> ImageLayout {
    ImageLayout(groups: groups, plane: shape.height * shape.width * context.kernels.lanes)
  }

  /// Where one panel of the output of some images goes.
  private func written(_ product: Product, _ images: Range<Int>, _ panel: Int) -> Region {
    let vectors = context.kernels.panelLanes / context.kernels.lanes
    let groups = (panel * vectors)..<min(product.outputGroups, (panel + 1) * vectors)
    return layout(product.outputGroups).region(images, groups: groups, of: product.output)
  }

  /// Transformed tiles times one panel of filters, and back.
  private func multiply(
    _ product: Product, _ x: UnsafePointer<Float>, _ tiles: Range<Int>, _ panel: Int,
    products: UnsafeMutablePointer<Float>, prefetch: PrefetchRanges
  ) {
    let kernels = context.kernels
    let panelFilters = Winograd.points * product.groups * kernels.lanes * kernels.panelLanes
    kernels.winogradMultiply(
      x, packStride: WinogradConvolution.packStride(product.groups * kernels.lanes),
      tiles: tiles.count, groups: product.groups,
      filters: product.filters + panel * panelFilters, product: products, prefetch: prefetch)
    kernels.winogradOutput(
      tiling, products, first: tiles.lowerBound, count: tiles.count, bias: product.bias,
      relu: product.relu, to: product.output, groups: product.outputGroups, panel: panel)
  }

  func backwardWeights(
    count: Int, input: any ImageProducer, outputGradient: any ImageProducer,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    self.weightGradient?.compute(
      count: count, input: input, outputGradient: outputGradient, to: weightGradient)
  }
}
