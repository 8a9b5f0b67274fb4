import CifarCore
import Kernels

/// 3×3 convolution with stride 1 and a frame of one zero, by Winograd's F(4×4, 3×3) and
/// F(3×3, 4×4).
///
/// Forward and backward to the data go by blocks of tiles: transformed, multiplied and transformed
/// back while they are in the second-level cache. Backward to the weights transforms a larger chunk
/// of tiles and then takes the 36 points apart; each sum belongs to one piece of work, so nothing
/// has to be added up across threads.
final class WinogradConvolution: ConvolutionAlgorithm {
  private let shape: ConvolutionShape
  private let context: LayerContext
  private let tiling: WinogradTiling
  private let inputGroups: Int
  private let outputGroups: Int
  private let inputPanels: Int
  private let outputPanels: Int
  /// (panels of output, 36, inputs, panel)
  private let filters: AlignedBuffer<Float>
  private let turnedFilters: AlignedBuffer<Float>?
  /// Tiles that a worker takes at a time.
  private let block: Int
  /// Tiles whose transforms are kept for the gradient of the weights.
  private let chunk: Int
  /// Floats of a worker's scratch: a block's transforms and their products with one panel.
  private let workerScratch: Int
  private let transformedFloats: Int
  private let productFloats: Int

  /// Packs are apart by a little more than they hold. At a power of two they would share their
  /// cache sets.
  private static let gap = 16

  /// Whether the shape is one that this algorithm computes.
  static func fits(_ shape: ConvolutionShape) -> Bool {
    shape.kernel == 3 && shape.stride == 1 && shape.padding == 1 && shape.paddingAfter == 1
  }

  init(shape: ConvolutionShape, needsInputGradient: Bool, context: LayerContext) {
    self.shape = shape
    self.context = context
    let lanes = context.kernels.lanes
    let panel = context.kernels.panelLanes
    tiling = WinogradTiling(height: shape.height, width: shape.width)
    inputGroups = blocks(shape.inputChannels, of: lanes)
    outputGroups = blocks(shape.outputChannels, of: lanes)
    inputPanels = blocks(shape.inputChannels, of: panel)
    outputPanels = blocks(shape.outputChannels, of: panel)
    filters = AlignedBuffer(count: outputPanels * Winograd.points * inputGroups * lanes * panel)
    let turns = context.training && needsInputGradient
    turnedFilters =
      turns
      ? AlignedBuffer(count: inputPanels * Winograd.points * outputGroups * lanes * panel) : nil
    block = 30
    let groups = turns ? max(inputGroups, outputGroups) : inputGroups
    transformedFloats =
      WinogradConvolution.packs(block) * WinogradConvolution.stride(groups * lanes)
    productFloats =
      WinogradConvolution.packs(block) * Winograd.packTiles * Winograd.points * panel
    workerScratch = transformedFloats + productFloats
    context.scratch.reserve(context.pool.threads * workerScratch)
    // Both factors of a chunk stay in the second-level caches or near them; a chunk of twice the
    // size made the pass a seventh slower on Zen 4.
    chunk = min(context.batchSize * tiling.tilesPerImage, 120)
    if context.training {
      context.scratch.reserve(
        WinogradConvolution.packs(chunk) * (inputStride + gradientStride)
          + Winograd.points * sumFloats)
    }
  }

  private static func packs(_ tiles: Int) -> Int { blocks(tiles, of: Winograd.packTiles) }

  /// Floats from one pack to the next.
  private static func stride(_ channels: Int) -> Int {
    Winograd.points * Winograd.packTiles * channels + gap
  }

  /// A pack of the input, (groups, 36, 6, lanes).
  private var inputStride: Int {
    WinogradConvolution.stride(inputGroups * context.kernels.lanes)
  }
  /// A pack of the output's gradient, (panels, 36, 6, panel).
  private var gradientStride: Int {
    WinogradConvolution.stride(outputPanels * context.kernels.panelLanes)
  }
  /// The sums of one point, (panels of output, inputs, panel).
  private var sumFloats: Int {
    outputPanels * inputGroups * context.kernels.lanes * context.kernels.panelLanes
  }

  func prepare(weights: UnsafePointer<Float>) {
    let kernels = context.kernels
    let turned = turnedFilters == nil ? 0 : inputPanels
    context.pool.forEach(outputPanels + turned) { index, _ in
      if index < outputPanels {
        kernels.winogradFilters(
          shape, weights, to: filters.pointer, turned: false, panel: index)
      } else if let turnedFilters {
        kernels.winogradFilters(
          shape, weights, to: turnedFilters.pointer, turned: true, panel: index - outputPanels)
      }
    }
  }

  func forward(
    count: Int, input: Values, bias: UnsafePointer<Float>, relu: Bool, output: Values
  ) {
    convolve(
      Product(
        input: input, groups: inputGroups, filters: filters, panels: outputPanels, bias: bias,
        relu: relu, output: output, outputGroups: outputGroups),
      tiles: count * tiling.tilesPerImage)
  }

  func backwardData(
    count: Int, outputGradient: UnsafePointer<Float>,
    inputGradient: UnsafeMutablePointer<Float>
  ) {
    guard let turnedFilters else { return }
    convolve(
      Product(
        input: Values(outputGradient), groups: outputGroups, filters: turnedFilters,
        panels: inputPanels, bias: nil, relu: false, output: Values(inputGradient),
        outputGroups: inputGroups),
      tiles: count * tiling.tilesPerImage)
  }

  /// What is convolved with what: the forward pass and the one to the data differ in nothing else.
  private struct Product {
    var input: Values
    var groups: Int
    var filters: AlignedBuffer<Float>
    var panels: Int
    var bias: UnsafePointer<Float>?
    var relu: Bool
    var output: Values
    var outputGroups: Int
  }

  private func convolve(_ product: Product, tiles: Int) {
    // With too few blocks to share, the panels are shared as well. Every number is made in the same
    // way, so that the choice does not show in the result.
    if tiles <= block * context.pool.threads {
      convolveByPanels(product, tiles: tiles)
      return
    }
    context.pool.forEach(blocks(tiles, of: block)) { index, worker in
      let x = context.scratch.pointer + worker * workerScratch
      let first = index * block
      let some = min(block, tiles - first)
      transform(product, first, some, to: x)
      for panel in 0..<product.panels {
        multiply(product, x, first, some, panel, products: x + transformedFloats)
      }
    }
  }

  /// First all tiles are transformed, then each panel takes them up, some packs at a time.
  private func convolveByPanels(_ product: Product, tiles: Int) {
    let pack = Winograd.packTiles
    let stride = WinogradConvolution.stride(product.groups * context.kernels.lanes)
    let x = context.scratch.pointer
    let products = x + context.pool.threads * transformedFloats
    context.pool.forEach(WinogradConvolution.packs(tiles)) { index, _ in
      transform(product, index * pack, min(pack, tiles - index * pack), to: x + index * stride)
    }
    let part = 2 * pack
    let parts = blocks(tiles, of: part)
    context.pool.forEach(product.panels * parts) { index, worker in
      let (panel, number) = index.quotientAndRemainder(dividingBy: parts)
      let first = number * part
      multiply(
        product, x + first / pack * stride, first, min(part, tiles - first), panel,
        products: products + worker * productFloats)
    }
  }

  /// Tiles `first` ..< `first` + `count` into the transformed space.
  private func transform(
    _ product: Product, _ first: Int, _ count: Int, to x: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    kernels.winogradInput(
      tiling, product.input, groups: product.groups, first: first, count: count, to: x,
      packStride: WinogradConvolution.stride(product.groups * kernels.lanes))
  }

  /// Transformed tiles times one panel of filters, and back.
  private func multiply(
    _ product: Product, _ x: UnsafePointer<Float>, _ first: Int, _ count: Int, _ panel: Int,
    products: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let panelFilters = Winograd.points * product.groups * kernels.lanes * kernels.panelLanes
    kernels.winogradMultiply(
      x, packStride: WinogradConvolution.stride(product.groups * kernels.lanes),
      packs: WinogradConvolution.packs(count), groups: product.groups,
      filters: product.filters.pointer + panel * panelFilters, product: products)
    kernels.winogradOutput(
      tiling, products, first: first, count: count, bias: product.bias, relu: product.relu,
      to: product.output, groups: product.outputGroups, panel: panel)
  }

  func backwardWeights(
    count: Int, input: Values, outputGradient: UnsafePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let chunkInput = context.scratch.pointer
    let chunkGradient = chunkInput + WinogradConvolution.packs(chunk) * inputStride
    let sums = chunkGradient + WinogradConvolution.packs(chunk) * gradientStride
    let tiles = count * tiling.tilesPerImage
    var start = 0
    while start < tiles {
      let some = min(chunk, tiles - start)
      context.pool.forEach(2 * blocks(some, of: block)) { index, _ in
        let slot = index / 2 * block
        let part = min(block, some - slot)
        if index % 2 == 0 {
          kernels.winogradInput(
            tiling, input, groups: inputGroups, first: start + slot, count: part,
            to: chunkInput + slot / Winograd.packTiles * inputStride, packStride: inputStride)
        } else {
          kernels.winogradGradient(
            tiling, outputGradient, groups: outputGroups, first: start + slot, count: part,
            to: chunkGradient + slot / Winograd.packTiles * gradientStride,
            packStride: gradientStride)
        }
      }
      context.pool.forEach(Winograd.points) { point, _ in
        kernels.winogradAccumulate(
          point: point, x: chunkInput, xStride: inputStride, groups: inputGroups,
          dy: chunkGradient, dyStride: gradientStride, panels: outputPanels,
          packs: WinogradConvolution.packs(some), sum: sums + point * sumFloats,
          accumulate: start > 0)
      }
      start += some
    }
    context.pool.forEach(inputGroups) { group, _ in
      kernels.winogradFilterGradient(
        shape, sums, planeStride: sumFloats, group: group, to: weightGradient)
    }
  }
}
