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
  /// (panels of output, 36, inputs, 4·lanes)
  private let filters: AlignedBuffer<Float>
  private let turnedFilters: AlignedBuffer<Float>?
  /// A worker's block of tiles: (36, groups, block, lanes) and (36, block, 4·lanes).
  private let transformed: [AlignedBuffer<Float>]
  private let products: [AlignedBuffer<Float>]
  private let block: Int
  /// A chunk of tiles of the input, (36, groups, chunk, lanes), and of the output's gradient,
  /// (36, panels, chunk, 4·lanes).
  private let chunk: Int
  private let chunkInput: AlignedBuffer<Float>
  private let chunkGradient: AlignedBuffer<Float>
  /// (36, panels of output, inputs, 4·lanes)
  private let sums: AlignedBuffer<Float>

  /// Planes of two points are apart by a little more than they hold. At a power of two they would
  /// share their cache sets.
  private static let gap = 16

  /// Whether the shape is one that this algorithm computes.
  static func fits(_ shape: ConvolutionShape) -> Bool {
    shape.kernel == 3 && shape.stride == 1 && shape.padding == 1
  }

  init(shape: ConvolutionShape, needsInputGradient: Bool, context: LayerContext) {
    self.shape = shape
    self.context = context
    let lanes = context.kernels.lanes
    let panel = 4 * lanes
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
    let groups = turns ? max(inputGroups, outputGroups) : inputGroups
    block = 24
    let block = self.block
    transformed = (0..<context.pool.threads).map { _ in
      AlignedBuffer(
        count: Winograd.points * (groups * block * lanes + WinogradConvolution.gap))
    }
    products = (0..<context.pool.threads).map { _ in
      AlignedBuffer(count: Winograd.points * (block * panel + WinogradConvolution.gap))
    }
    // Both factors of a chunk stay in the last-level cache.
    let tiles = context.batchSize * tiling.tilesPerImage
    chunk = min(tiles, max(256, 32_768 / max(shape.inputChannels, shape.outputChannels)))
    let trains = context.training
    chunkInput = AlignedBuffer(
      count: trains
        ? Winograd.points * (inputGroups * chunk * lanes + WinogradConvolution.gap) : 0)
    chunkGradient = AlignedBuffer(
      count: trains ? Winograd.points * (outputPanels * chunk * panel + WinogradConvolution.gap) : 0
    )
    sums = AlignedBuffer(
      count: trains ? Winograd.points * outputPanels * inputGroups * lanes * panel : 0)
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
    count: Int, input: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>
  ) {
    convolve(
      count: count, input: input, groups: inputGroups, filters: filters, panels: outputPanels,
      outputGroups: outputGroups, bias: bias, output: output)
  }

  func backwardData(
    count: Int, outputGradient: UnsafePointer<Float>,
    inputGradient: UnsafeMutablePointer<Float>
  ) {
    guard let turnedFilters else { return }
    convolve(
      count: count, input: outputGradient, groups: outputGroups, filters: turnedFilters,
      panels: inputPanels, outputGroups: inputGroups, bias: nil, output: inputGradient)
  }

  private func convolve(
    count: Int, input: UnsafePointer<Float>, groups: Int, filters: AlignedBuffer<Float>,
    panels: Int, outputGroups: Int, bias: UnsafePointer<Float>?,
    output: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let lanes = kernels.lanes
    let tiles = count * tiling.tilesPerImage
    let planeStride = groups * block * lanes + WinogradConvolution.gap
    let productStride = block * 4 * lanes + WinogradConvolution.gap
    let panelFilters = Winograd.points * groups * lanes * 4 * lanes
    context.pool.forEach(blocks(tiles, of: block)) { index, worker in
      let first = index * block
      let some = min(block, tiles - first)
      let x = transformed[worker].pointer
      let product = products[worker].pointer
      kernels.winogradInput(
        tiling, input, groups: groups, first: first, count: some,
        to: x, planeStride: planeStride, capacity: block, slot: 0)
      for panel in 0..<panels {
        kernels.winogradMultiply(
          x, planeStride: planeStride, capacity: block, groups: groups, count: some,
          filters: filters.pointer + panel * panelFilters, product: product,
          productStride: productStride)
        kernels.winogradOutput(
          tiling, product, productStride: productStride, first: first, count: some, bias: bias,
          to: output, groups: outputGroups, panel: panel)
      }
    }
  }

  func backwardWeights(
    count: Int, input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let lanes = kernels.lanes
    let panel = 4 * lanes
    let inputStride = inputGroups * chunk * lanes + WinogradConvolution.gap
    let gradientStride = outputPanels * chunk * panel + WinogradConvolution.gap
    let sumStride = outputPanels * inputGroups * lanes * panel
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
            to: chunkInput.pointer, planeStride: inputStride, capacity: chunk, slot: slot)
        } else {
          kernels.winogradGradient(
            tiling, outputGradient, groups: outputGroups, first: start + slot, count: part,
            to: chunkGradient.pointer, planeStride: gradientStride, capacity: chunk, slot: slot)
        }
      }
      context.pool.forEach(Winograd.points) { point, _ in
        kernels.winogradAccumulate(
          x: chunkInput.pointer + point * inputStride, groups: inputGroups,
          dy: chunkGradient.pointer + point * gradientStride, panels: outputPanels,
          capacity: chunk, count: some, sum: sums.pointer + point * sumStride,
          accumulate: start > 0)
      }
      start += some
    }
    context.pool.forEach(inputGroups) { group, _ in
      kernels.winogradFilterGradient(
        shape, sums.pointer, planeStride: sumStride, group: group, to: weightGradient)
    }
  }
}
