import CifarCore
import Kernels

/// 3×3 or 5×5 convolution with stride 1 that keeps the image's size, by Winograd's F(4×4, 3×3) and
/// F(3×3, 4×4), or F(2×2, 5×5) and F(5×5, 2×2).
///
/// Forward and backward to the data go by chunks of some whole images, and in them by blocks of
/// tiles: transformed, multiplied and transformed back while they are in the second-level cache.
/// What happens to the images just before and after happens there as well.
final class WinogradConvolution: ConvolutionAlgorithm {
  let blocking: WinogradBlocking
  let shape: ConvolutionShape
  let context: OperatorContext
  private let tiling: WinogradTiling
  /// What takes steps of bytes to those of the output; 1 for other numbers.
  let factor: Float
  private var weights: UnsafePointer<Float>?
  /// (panels of output, 36, inputs, panel), where the weights stay as they are. Those of a network
  /// that learns serve for one pass: they are made in the scratch memory, which the caches hold.
  private let keptFilters: AlignedBuffer<Float>?
  private let weightGradient: WinogradWeightGradient?
  /// How far the values of images and of gradients are stretched to 16 bits; nil for factors in
  /// float32, and for bytes, which need none.
  private let scales: (images: ImageScales, gradients: ImageScales)?
  /// Whether the gradients' scales are those of the batch whose weight gradient comes next.
  private var hasGradientScales = false

  /// Whether the shape is one that this algorithm computes.
  static func fits(_ shape: ConvolutionShape) -> Bool {
    (shape.kernel == 3 || shape.kernel == 5) && shape.stride == 1
      && shape.padding == shape.kernel / 2 && shape.paddingAfter == shape.kernel / 2
  }

  init(_ blocking: WinogradBlocking, factor: Float, context: OperatorContext) throws {
    self.blocking = blocking
    self.factor = factor
    shape = blocking.shape
    self.context = context
    tiling = WinogradTiling(
      height: shape.height, width: shape.width, kernel: shape.kernel,
      pairs: context.target.products == .int16)
    scales =
      context.target.products == .int16 && !blocking.readsBytes
      ? (
        try ImageScales(images: context.batchSize),
        try ImageScales(images: context.training ? context.batchSize : 0)
      ) : nil
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

  /// Int16 from one point to the next of a block of `packs`, with pairs of `width` channels: a cache
  /// line more than it holds, for the same reason.
  static func pointStride(packs: Int, _ width: Int) -> Int {
    packs * Winograd.packTiles * width + 32
  }

  func prepare(weights: UnsafePointer<Float>) {
    self.weights = weights
    if let keptFilters { transformFilters(rotated: false, to: keptFilters.pointer) }
  }

  private func transformFilters(rotated: Bool, to filters: UnsafeMutablePointer<Float>) {
    guard let weights else { return }
    let panels = rotated ? blocking.inputPanels : blocking.outputPanels
    let groups = rotated ? blocking.outputGroups : blocking.inputGroups
    if context.target.products == .int16 {
      return transformInt16Filters(weights, rotated: rotated, to: filters)
    }
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
        bias: bias, relu: relu, output: output, outputGroups: blocking.outputGroups,
        scales: scales?.images),
      images: count, consumer)
  }

  func backwardData(
    count: Int, outputGradient: any ImageProducer,
    inputGradient: UnsafeMutablePointer<Float>, consumer: (any ImageConsumer)?
  ) {
    convolve(dataProduct(outputGradient, inputGradient), images: count, consumer)
    hasGradientScales = true
  }

  private func dataProduct(
    _ outputGradient: any ImageProducer, _ inputGradient: UnsafeMutablePointer<Float>
  ) -> Product {
    Product(
      input: outputGradient, groups: blocking.outputGroups, filters: filters(rotated: true),
      panels: blocking.inputPanels, bias: nil, relu: false, output: Values(inputGradient),
      outputGroups: blocking.inputGroups, scales: scales?.gradients)
  }

  func backward(
    batch: BatchPartition, input: any ImageProducer, outputGradient: any ImageProducer,
    inputGradient: UnsafeMutablePointer<Float>, consumer: (any ImageConsumer)?,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    guard let sums = self.weightGradient, sums.sharesEqually(batch) else {
      backwardData(
        count: batch.count, outputGradient: outputGradient, inputGradient: inputGradient,
        consumer: consumer)
      backwardWeights(
        batch: batch, input: input, outputGradient: outputGradient, weightGradient: weightGradient)
      return
    }
    let product = dataProduct(outputGradient, inputGradient)
    sums.compute(
      batch: batch, input: input, outputGradient: outputGradient, scales: scales,
      to: weightGradient
    ) { chunk, next, gradients, worker in
      convolve(product, chunk, next: next, gradients, consumer, worker)
    }
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
    /// nil for factors in float32.
    var scales: ImageScales?
  }

  private func convolve(_ product: Product, images count: Int, _ consumer: (any ImageConsumer)?) {
    // With too little to share, the panels are shared as well. Every number is made in the same
    // way, so that the choice does not show in the result.
    let packs = blocks(tiles(of: 0..<count).count, of: Winograd.packTiles)
    let threads = context.pool.threads
    if packs <= WinogradBlocking.packs * threads || count < threads,
      let images = product.input.batch(count)
    {
      if let scales = product.scales {
        context.pool.forEach(count) { image, _ in
          measure(images, image..<(image + 1), groups: product.groups, scales)
        }
      }
      convolveByPanels(product, images, tiles: tiles(of: 0..<count))
      consumer?.consume(batch: count, context.pool)
      return
    }
    let most = max(1, min(blocking.chunkImages, count / threads))
    let chunks = WorkPartition(0..<count, most: most, multiple: 4)
    context.pool.forEach(chunks.count) { index, worker in
      let chunk = chunks[index]
      if chunk.isEmpty { return }
      let images = product.input.images(chunk, groups: 0..<product.groups, worker: worker)
      convolve(product, chunk, next: chunks[index + 1], images, consumer, worker)
    }
  }

  /// Some images, a block of tiles at a time.
  ///
  /// - Parameter next: what this worker will most likely read then.
  private func convolve(
    _ product: Product, _ chunk: Range<Int>, next: Range<Int>, _ images: Values,
    _ consumer: (any ImageConsumer)?, _ worker: Int
  ) {
    let x = context.scratch.pointer(worker: worker)
    if let scales = product.scales { measure(images, chunk, groups: product.groups, scales) }
    let blocks = tileBlocks(of: chunk)
    let next = product.input.prefetchRanges(
      next, groups: 0..<product.groups, layout: layout(product.groups))
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
    consumer?.consume(chunk, worker: worker)
  }

  private func tiles(of images: Range<Int>) -> Range<Int> {
    (images.lowerBound * tiling.tilesPerImage)..<(images.upperBound * tiling.tilesPerImage)
  }

  private func tileBlocks(of images: Range<Int>) -> WorkPartition {
    WorkPartition(tiles(of: images), most: WinogradBlocking.packs, unit: Winograd.packTiles)
  }

  /// Each chunk transforms the tiles that it multiplies with some of the panels, though others may
  /// need the same ones: that takes less time than reading them from another core's cache.
  private func convolveByPanels(_ product: Product, _ images: Values, tiles: Range<Int>) {
    let chunks = FewTiles(tiles, panels: product.panels, threads: context.pool.threads)
    context.pool.forEach(chunks.count) { index, worker in
      let (tiles, panels) = chunks[index]
      let x = context.scratch.pointer(worker: worker)
      transform(product, images, tiles, to: x)
      for panel in panels {
        multiply(
          product, x, tiles, panel, products: x + blocking.transformedFloats,
          prefetch: PrefetchRanges())
      }
    }
  }

  /// Tiles into the transformed space.
  private func transform(
    _ product: Product, _ images: Values, _ tiles: Range<Int>, to x: UnsafeMutablePointer<Float>
  ) {
    let area = WinogradTiles(
      images: images, imageGroups: product.groups, groups: 0..<product.groups, tiles: tiles)
    if blocking.readsBytes {
      return context.kernels.winogradInputInt8(
        tiling, area, to: x.int16, pointStride: blocking.pointStride)
    }
    if let scales = product.scales {
      return context.kernels.winogradInputInt16(
        tiling, area, scales: scales.scale.pointer, pairs: .channels, to: x.int16,
        pointStride: blocking.pointStride)
    }
    context.kernels.winogradInput(
      tiling, area, to: x,
      packStride: WinogradConvolution.packStride(product.groups * context.kernels.lanes))
  }

  private func layout(_ groups: Int) -> ImageLayout {
    ImageLayout(groups: groups, plane: shape.height * shape.width * context.kernels.lanes)
  }

  /// Where one panel of the output of some images goes.
  private func written(_ product: Product, _ images: Range<Int>, _ panel: Int) -> Region {
    let vectors = context.kernels.panelLanes / context.kernels.lanes
    let groups = (panel * vectors)..<min(product.outputGroups, (panel + 1) * vectors)
    let plane = shape.height * shape.width * context.kernels.lanes / (blocking.pools ? 4 : 1)
    return ImageLayout(groups: product.outputGroups, plane: plane).region(
      images, groups: groups, of: product.output)
  }

  /// Transformed tiles times one panel of filters, and back.
  private func multiply(
    _ product: Product, _ x: UnsafePointer<Float>, _ tiles: Range<Int>, _ panel: Int,
    products: UnsafeMutablePointer<Float>, prefetch: PrefetchRanges
  ) {
    let kernels = context.kernels
    let panelFilters = Winograd.points * product.groups * kernels.lanes * kernels.panelLanes
    if context.target.products == .int16 {
      kernels.winogradMultiplyInt16(
        x.int16, pointStride: blocking.pointStride, tiles: tiles.count, groups: product.groups,
        filters: product.filters.int16 + panel * panelFilters,
        scales: product.filters
          + blocking.scalesPlace(panel, panels: product.panels, groups: product.groups, context),
        product: products, prefetch: prefetch)
    } else {
      kernels.winogradMultiply(
        x, packStride: WinogradConvolution.packStride(product.groups * kernels.lanes),
        tiles: tiles.count, groups: product.groups,
        filters: product.filters + panel * panelFilters, product: products, prefetch: prefetch)
    }
    if blocking.readsBytes {
      return kernels.winogradOutputInt8(
        tiling, products, first: tiles.lowerBound, count: tiles.count, bias: product.bias,
        relu: product.relu, pools: blocking.pools, to: product.output,
        groups: product.outputGroups, panel: panel)
    }
    kernels.winogradOutput(
      tiling, products, first: tiles.lowerBound, count: tiles.count,
      scales: product.scales.map { UnsafePointer($0.inverse.pointer) }, bias: product.bias,
      relu: product.relu, to: product.output, groups: product.outputGroups, panel: panel)
  }

  func backwardWeights(
    batch: BatchPartition, input: any ImageProducer, outputGradient: any ImageProducer,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    if let scales, !hasGradientScales {
      // Nobody asked for the gradient of the images.
      scales.gradients.largest.fill(-1)
    }
    hasGradientScales = false
    self.weightGradient?.compute(
      batch: batch, input: input, outputGradient: outputGradient, scales: scales,
      to: weightGradient
    ) { _, _, _, _ in }
  }
}
