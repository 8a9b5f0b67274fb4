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
  /// Numbers from one point of a block to the next, where factors have 16 bits.
  let pointStride: Int
  /// Floats of all transformed weights and, where those have 16 bits, their scales.
  let filterFloats: Int
  /// nil where nothing is trained.
  let weightGradient: WinogradWeightGradientBlocking?
  let scratch: ScratchSize
  /// Whether its images are bytes: see `WinogradIntegers`.
  let readsBytes: Bool
  /// Whether it writes the maxima of 2×2 squares.
  let pools: Bool

  var imagesAtOnce: Int { max(chunkImages, weightGradient?.imagesAtOnce ?? 0) }

  /// The most packs of a block.
  static let packs = 6

  init(
    _ shape: ConvolutionShape, needsInputGradient: Bool, readsBytes: Bool = false,
    pools: Bool = false, _ target: PlanTarget
  ) {
    self.shape = shape
    self.readsBytes = readsBytes
    self.pools = pools
    let (lanes, panel) = (target.tiles.lanes, target.tiles.panelLanes)
    inputGroups = blocks(shape.inputChannels, of: lanes)
    outputGroups = blocks(shape.outputChannels, of: lanes)
    inputPanels = blocks(shape.inputChannels, of: panel)
    outputPanels = blocks(shape.outputChannels, of: panel)
    let packs = WinogradBlocking.packs
    let tiling = WinogradTiling(
      height: shape.height, width: shape.width, kernel: shape.kernel,
      pairs: target.products == .int16)
    chunkImages = max(1, packs * Winograd.packTiles / tiling.tilesPerImage)
    weightGradient = target.training ? WinogradWeightGradientBlocking(shape, target) : nil
    let hasInputGradient = target.training && needsInputGradient
    let groups = hasInputGradient ? max(inputGroups, outputGroups) : inputGroups
    pointStride = WinogradConvolution.pointStride(packs: packs, lanes)
    transformedFloats =
      target.products == .float32
      ? packs * WinogradConvolution.packStride(groups * lanes)
      : Winograd.points * groups * pointStride / 2
    func filterFloats(_ panels: Int, _ groups: Int) -> Int {
      let inputs = groups * lanes
      return panels * Winograd.points * panel
        * (target.products == .float32 ? inputs : inputs / 2 + 1)
    }
    self.filterFloats = filterFloats(outputPanels, inputGroups)
    let rotated = hasInputGradient ? filterFloats(inputPanels, outputGroups) : 0
    let transform = target.products == .float32 ? 0 : Winograd.points * groups * lanes * lanes
    scratch = ScratchSize(
      // Where the weights stay as they are, so do their transforms.
      shared: target.training ? max(self.filterFloats, rotated) : 0,
      worker: max(
        transform, transformedFloats + packs * Winograd.packTiles * Winograd.points * panel)
    ).union(weightGradient?.scratch ?? ScratchSize())
  }
}
