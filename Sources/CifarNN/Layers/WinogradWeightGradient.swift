import CifarCore
import Kernels

/// Σ over all tiles of (Bᵀ·d·B) ⊙ (D·dy·Dᵀ), and its way back to the filters.
///
/// The work is cut twice: the panels of the input into up to four parts, the images of the batch
/// into as many runs as make four to eight pieces. Both factors of a piece are made by the worker
/// that multiplies them and stay in its second-level cache, its sums beside them: handing
/// transforms from core to core cost a sixth of a step. As the cuts follow from the problem alone,
/// so does the order of every sum.
final class WinogradWeightGradient {
  private let shape: ConvolutionShape
  private let context: LayerContext
  private let tiling: WinogradTiling
  private let inputGroups: Int
  private let outputGroups: Int
  private let outputPanels: Int
  /// Parts of the input's groups, and the most groups that one has.
  private let parts: Int
  private let partGroups: Int
  /// Packs that are transformed and multiplied at a time.
  private let blockPacks: Int
  private let inputStride: Int
  private let gradientStride: Int
  /// Images that are transformed at a time, unless one has more tiles than a block.
  let imagesAtOnce: Int

  /// Whether there is one part, so that no gradient is transformed twice.
  var asksOnceForGradients: Bool { parts == 1 }

  private static let mostPieces = 8
  /// Fewer pieces than eight if they would have less tiles than this: each has sums to bring into
  /// the cache.
  private static let runTiles = 256
  /// What the transforms of a block may take of a second-level cache of 1 MB.
  private static let blockFloats = 200_000

  init(shape: ConvolutionShape, context: LayerContext) {
    self.shape = shape
    self.context = context
    let lanes = context.kernels.lanes
    let panel = context.kernels.panelLanes
    tiling = WinogradTiling(height: shape.height, width: shape.width)
    inputGroups = blocks(shape.inputChannels, of: lanes)
    outputGroups = blocks(shape.outputChannels, of: lanes)
    outputPanels = blocks(shape.outputChannels, of: panel)
    let inputPanels = blocks(shape.inputChannels, of: panel)
    partGroups = blocks(inputPanels, of: 4) * panel / lanes
    parts = blocks(inputGroups, of: partGroups)
    // (groups of a part, 36, 6, lanes) and (panels, 36, 6, panel)
    inputStride = WinogradConvolution.packStride(partGroups * lanes)
    gradientStride = WinogradConvolution.packStride(outputPanels * panel)
    blockPacks = max(1, WinogradWeightGradient.blockFloats / (inputStride + gradientStride))
    imagesAtOnce = max(1, blockPacks * Winograd.packTiles / tiling.tilesPerImage)
    context.scratch.reserve(
      shared: WinogradWeightGradient.mostPieces * sumFloats,
      worker: blockPacks * (inputStride + gradientStride))
  }

  /// The sums of a piece: (36, panels of output, inputs of its part, panel).
  private var sumFloats: Int { Winograd.points * pointFloats(partGroups) }

  private func pointFloats(_ groups: Int) -> Int {
    outputPanels * groups * context.kernels.lanes * context.kernels.panelLanes
  }

  private func runs(images: Int) -> Int {
    let most = WinogradWeightGradient.mostPieces / parts
    let tiles = images * tiling.tilesPerImage
    let worthwhile = max(most / 2, tiles / WinogradWeightGradient.runTiles)
    return min(most, worthwhile, images)
  }

  private func groups(ofPart part: Int) -> Range<Int> {
    (part * partGroups)..<min(inputGroups, (part + 1) * partGroups)
  }

  private func sums(run: Int, part: Int) -> UnsafeMutablePointer<Float> {
    context.scratch.shared + (run * parts + part) * sumFloats
  }

  /// - Parameter weightGradient: (out, in, 3, 3), overwritten.
  func compute(
    count: Int, input: any ImageSource, outputGradient: any ImageSource,
    to weightGradient: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    // Each part needs all of the gradients.
    let outputGradient =
      asksOnceForGradients ? outputGradient : outputGradient.batch(count) ?? outputGradient
    let runs = Pieces(0..<count, count: runs(images: count))
    context.pool.forEach(runs.count * parts) { index, worker in
      let (run, part) = index.quotientAndRemainder(dividingBy: parts)
      add(runs[run], part, input, outputGradient, to: sums(run: run, part: part), worker)
    }
    context.pool.forEach(parts * Winograd.points) { index, _ in
      let (part, point) = index.quotientAndRemainder(dividingBy: Winograd.points)
      let floats = pointFloats(groups(ofPart: part).count)
      for run in stride(from: 1, to: runs.count, by: 1) {
        kernels.accumulate(
          sums(run: run, part: part) + point * floats, count: floats,
          into: sums(run: 0, part: part) + point * floats)
      }
    }
    context.pool.forEach(inputGroups) { group, _ in
      let (part, place) = group.quotientAndRemainder(dividingBy: partGroups)
      let floats = pointFloats(groups(ofPart: part).count)
      kernels.winogradFilterGradient(
        shape, sums(run: 0, part: part) + place * kernels.lanes * kernels.panelLanes,
        pointStride: floats, panelStride: floats / outputPanels, group: group,
        to: weightGradient)
    }
  }

  /// The sums over one run of images, a block of tiles at a time.
  private func add(
    _ run: Range<Int>, _ part: Int, _ input: any ImageSource,
    _ outputGradient: any ImageSource, to sums: UnsafeMutablePointer<Float>, _ worker: Int
  ) {
    let kernels = context.kernels
    let groups = groups(ofPart: part)
    let x = context.scratch.pointer(worker: worker)
    let dy = x + blockPacks * inputStride
    let plane = shape.height * shape.width * kernels.lanes
    let pieces = Pieces(run, most: imagesAtOnce)
    for index in 0..<pieces.count {
      let images = input.images(pieces[index], groups: groups, worker: worker)
      let gradients = outputGradient.images(
        pieces[index], groups: 0..<outputGroups, worker: worker)
      let blocks = tileBlocks(of: pieces[index])
      var next = outputGradient.upcoming(
        pieces[index + 1], groups: 0..<outputGroups,
        layout: ImageLayout(groups: outputGroups, plane: plane))
      next.fourth =
        input.upcoming(
          pieces[index + 1], groups: groups, layout: ImageLayout(groups: inputGroups, plane: plane)
        ).first
      for number in 0..<blocks.count {
        let tiles = blocks[number]
        kernels.winogradInput(
          tiling,
          WinogradTiles(images: images, imageGroups: inputGroups, groups: groups, tiles: tiles),
          to: x, packStride: inputStride)
        kernels.winogradGradient(
          tiling,
          WinogradTiles(
            images: gradients, imageGroups: outputGroups, groups: 0..<outputGroups, tiles: tiles),
          to: dy, packStride: gradientStride)
        kernels.winogradAccumulate(
          x, xStride: inputStride, groups: groups.count, dy: dy, dyStride: gradientStride,
          panels: outputPanels, tiles: tiles.count, sums: sums, accumulate: index + number > 0,
          upcoming: next.part(number, of: blocks.count))
      }
    }
  }

  private func tileBlocks(of images: Range<Int>) -> Pieces {
    Pieces(
      (images.lowerBound * tiling.tilesPerImage)..<(images.upperBound * tiling.tilesPerImage),
      most: blockPacks, unit: Winograd.packTiles)
  }
}
