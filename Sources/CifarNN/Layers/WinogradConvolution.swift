import CifarCore
import Kernels

/// 3×3 convolution with stride 1 and a frame of one zero, by Winograd's F(4×4, 3×3) and
/// F(3×3, 4×4).
///
/// Forward and backward to the data go by blocks of tiles: transformed, multiplied and transformed
/// back while they are in the second-level cache.
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
  private let weightGradient: WinogradWeightGradient?
  /// Floats of a worker's scratch: a block's transforms and their products with one panel.
  private let workerScratch: Int
  private let transformedFloats: Int
  private let productFloats: Int

  /// The most packs of a block.
  private static let blockPacks = 6

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
    weightGradient =
      context.training ? WinogradWeightGradient(shape: shape, context: context) : nil
    let groups = turns ? max(inputGroups, outputGroups) : inputGroups
    let packs = WinogradConvolution.blockPacks
    transformedFloats = packs * WinogradConvolution.packStride(groups * lanes)
    productFloats = packs * Winograd.packTiles * Winograd.points * panel
    workerScratch = transformedFloats + productFloats
    context.scratch.reserve(context.pool.threads * workerScratch)
  }

  /// Floats from one pack of so many channels to the next: a little more than it holds. At a power of
  /// two they would share their cache sets.
  static func packStride(_ channels: Int) -> Int {
    Winograd.points * Winograd.packTiles * channels + 16
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
    let packs = blocks(tiles, of: Winograd.packTiles)
    if packs <= WinogradConvolution.blockPacks * context.pool.threads {
      convolveByPanels(product, tiles: tiles)
      return
    }
    let blocks = TileBlocks(tiles: tiles, size: WinogradConvolution.blockPacks)
    context.pool.forEach(blocks.count) { index, worker in
      let x = context.scratch.pointer + worker * workerScratch
      transform(product, blocks[index], to: x)
      // What this worker most likely transforms next.
      let next = blocks[index + 1]
      for panel in 0..<product.panels {
        // Each panel asks for its share of it.
        let from = product.groups * panel / product.panels
        let to = product.groups * (panel + 1) / product.panels
        multiply(
          product, x, blocks[index], panel, products: x + transformedFloats,
          next: WinogradTiles(
            images: product.input, imageGroups: product.groups, groups: from..<to, tiles: next))
      }
    }
  }

  /// First all tiles are transformed, then each panel takes them up, some packs at a time.
  private func convolveByPanels(_ product: Product, tiles: Int) {
    let pack = Winograd.packTiles
    let stride = WinogradConvolution.packStride(product.groups * context.kernels.lanes)
    let x = context.scratch.pointer
    let products = x + context.pool.threads * transformedFloats
    context.pool.forEach(blocks(tiles, of: pack)) { index, _ in
      let first = index * pack
      transform(product, first..<min(first + pack, tiles), to: x + index * stride)
    }
    let part = 2 * pack
    let parts = blocks(tiles, of: part)
    context.pool.forEach(product.panels * parts) { index, worker in
      let (panel, number) = index.quotientAndRemainder(dividingBy: parts)
      let first = number * part
      multiply(
        product, x + first / pack * stride, first..<min(first + part, tiles), panel,
        products: products + worker * productFloats, next: nil)
    }
  }

  /// Tiles into the transformed space.
  private func transform(
    _ product: Product, _ tiles: Range<Int>, to x: UnsafeMutablePointer<Float>
  ) {
    context.kernels.winogradInput(
      tiling,
      WinogradTiles(
        images: product.input, imageGroups: product.groups, groups: 0..<product.groups,
        tiles: tiles),
      to: x,
      packStride: WinogradConvolution.packStride(product.groups * context.kernels.lanes))
  }

  /// Transformed tiles times one panel of filters, and back.
  ///
  /// - Parameter next: what will be read after that.
  private func multiply(
    _ product: Product, _ x: UnsafePointer<Float>, _ tiles: Range<Int>, _ panel: Int,
    products: UnsafeMutablePointer<Float>, next: WinogradTiles?
  ) {
    let kernels = context.kernels
    let vectors = kernels.panelLanes / kernels.lanes
    let written = WinogradTiles(
      images: product.output, imageGroups: product.outputGroups,
      groups: (panel * vectors)..<min(product.outputGroups, (panel + 1) * vectors), tiles: tiles)
    let panelFilters = Winograd.points * product.groups * kernels.lanes * kernels.panelLanes
    kernels.winogradMultiply(
      x, packStride: WinogradConvolution.packStride(product.groups * kernels.lanes),
      packs: blocks(tiles.count, of: Winograd.packTiles), groups: product.groups,
      filters: product.filters.pointer + panel * panelFilters, product: products,
      soon: WinogradSoon(tiling: tiling, first: written, second: next))
    kernels.winogradOutput(
      tiling, products, first: tiles.lowerBound, count: tiles.count, bias: product.bias,
      relu: product.relu, to: product.output, groups: product.outputGroups, panel: panel)
  }

  func backwardWeights(
    count: Int, input: Values, outputGradient: UnsafePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    self.weightGradient?.compute(
      count: count, input: input, outputGradient: outputGradient, to: weightGradient)
  }
}
