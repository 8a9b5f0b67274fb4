import CifarCore
import Kernels

/// How `WinogradWeightGradient` cuts its work.
struct WinogradWeightGradientBlocking: Equatable, Sendable {
  let inputGroups: Int
  let outputGroups: Int
  let outputPanels: Int
  /// Parts of the input's groups, and the most groups that one has.
  let parts: Int
  let partGroups: Int
  /// Packs that are transformed and multiplied at a time.
  let packs: Int
  /// Floats from one pack of transformed images to the next, (groups of a part, 36, 6, lanes), and
  /// of transformed gradients, (panels, 36, 6, panel). With factors of 16 bits, int16 from one point
  /// to the next: (groups of a part, 36, tiles / 2, lanes, 2), (panels, 36, tiles / 2, panel, 2).
  let inputStride: Int
  let gradientStride: Int
  /// What a worker's transforms of both take, and the scales of the images.
  let inputFloats: Int
  let gradientFloats: Int
  let scaleFloats: Int
  /// Images that are transformed at a time, unless one has more tiles than a block.
  let imagesAtOnce: Int
  private let sumFloats: Int

  /// - Parameter floats: what comes before the sums in the shared memory, if each gradient is read once.
  func scratch(after floats: Int) -> ScratchSize {
    ScratchSize(
      shared: sumFloats + (readsGradientsOnce ? floats : 0),
      worker: inputFloats + gradientFloats + scaleFloats)
  }

  /// Whether there is one part, so that no gradient is transformed twice.
  var readsGradientsOnce: Bool { parts == 1 }

  static let mostChunks = 8
  /// What the transforms of a block may take of a second-level cache of 1 MB.
  private static let blockFloats = 200_000

  init(_ shape: ConvolutionShape, _ target: PlanTarget) {
    let (lanes, panel) = (target.tiles.lanes, target.tiles.panelLanes)
    inputGroups = blocks(shape.inputChannels, of: lanes)
    outputGroups = blocks(shape.outputChannels, of: lanes)
    outputPanels = blocks(shape.outputChannels, of: panel)
    let inputPanels = blocks(shape.inputChannels, of: panel)
    partGroups = blocks(inputPanels, of: 4) * panel / lanes
    parts = blocks(inputGroups, of: partGroups)
    let tilesPerImage = WinogradTiling(
      height: shape.height, width: shape.width, pairs: target.products == .int16
    ).tilesPerImage
    let (inputs, outputs) = (partGroups * lanes, outputPanels * panel)
    let packFloats = Winograd.points * Winograd.packTiles * (inputs + outputs)
    let packs = max(1, WinogradWeightGradientBlocking.blockFloats / packFloats)
    switch target.products {
    case .float32:
      self.packs = packs
      inputStride = WinogradConvolution.packStride(inputs)
      gradientStride = WinogradConvolution.packStride(outputs)
      (inputFloats, gradientFloats) = (packs * inputStride, packs * gradientStride)
    case .int16:
      // In half the memory.
      self.packs = 2 * packs
      inputStride = WinogradConvolution.pointStride(packs: self.packs, lanes)
      gradientStride = WinogradConvolution.pointStride(packs: self.packs, panel)
      inputFloats = Winograd.points * partGroups * inputStride / 2
      gradientFloats = Winograd.points * outputPanels * gradientStride / 2
    }
    imagesAtOnce = max(1, self.packs * Winograd.packTiles / tilesPerImage)
    scaleFloats = target.products == .int16 ? 3 * imagesAtOnce : 0
    sumFloats = WinogradWeightGradientBlocking.mostChunks * Winograd.points * outputs * inputs
  }
}

/// Σ over all tiles of (Bᵀ·d·B) ⊙ (D·dy·Dᵀ), and its way back to the filters.
///
/// The work is cut twice: the panels of the input into up to four parts, the images of the batch
/// into as many runs as make four to eight chunks. Both factors of a chunk are made by the worker
/// that multiplies them and stay in its second-level cache, its sums beside them: handing
/// transforms from core to core cost a sixth of a step. As the cuts follow from the problem alone,
/// so does the order of every sum.
final class WinogradWeightGradient {
  let blocking: WinogradWeightGradientBlocking
  let shape: ConvolutionShape
  let context: OperatorContext
  let tiling: WinogradTiling

  /// Fewer chunks than eight if they would have less tiles than this: each has sums to bring into
  /// the cache.
  private static let runTiles = 256

  init(
    _ blocking: WinogradWeightGradientBlocking, shape: ConvolutionShape,
    context: OperatorContext
  ) {
    self.blocking = blocking
    self.shape = shape
    self.context = context
    tiling = WinogradTiling(
      height: shape.height, width: shape.width, pairs: context.target.products == .int16)
  }

  /// The sums of a chunk: (36, panels of output, inputs of its part, panel).
  private var sumFloats: Int { Winograd.points * pointFloats(blocking.partGroups) }

  private func pointFloats(_ groups: Int) -> Int {
    blocking.outputPanels * groups * context.kernels.lanes * context.kernels.panelLanes
  }

  private func runs(images: Int) -> Int {
    let most = WinogradWeightGradientBlocking.mostChunks / blocking.parts
    let tiles = images * tiling.tilesPerImage
    let worthwhile = max(most / 2, tiles / WinogradWeightGradient.runTiles)
    return min(most, worthwhile, images)
  }

  private func groups(ofPart part: Int) -> Range<Int> {
    (part * blocking.partGroups)..<min(blocking.inputGroups, (part + 1) * blocking.partGroups)
  }

  /// Whether the runs are as many for every thread, and each image is read in one of them: then others
  /// may do their work on the images in them.
  func sharesEqually(images count: Int) -> Bool {
    blocking.readsGradientsOnce && runs(images: count) % context.pool.threads == 0
  }

  /// - Parameters:
  ///   - scales: of the last forward pass, and of the last one to the data; negative for unknown ones.
  ///   - firstFloat: where the sums begin in the shared scratch memory.
  ///   - weightGradient: (out, in, 3, 3), overwritten.
  ///   - body: is given some images, those that follow, their gradients and the worker, before they are
  ///     multiplied.
  func compute(
    count: Int, input: any ImageProducer, outputGradient: any ImageProducer,
    scales: (images: ImageScales, gradients: ImageScales)?, firstFloat: Int,
    to weightGradient: UnsafeMutablePointer<Float>,
    _ body: (Range<Int>, Range<Int>, Values, Int) -> Void
  ) {
    func sums(run: Int, part: Int) -> UnsafeMutablePointer<Float> {
      context.scratch.shared + firstFloat + (run * blocking.parts + part) * sumFloats
    }
    let kernels = context.kernels
    // Each part needs all of the gradients.
    let outputGradient =
      blocking.readsGradientsOnce ? outputGradient : outputGradient.batch(count) ?? outputGradient
    let runs = WorkPartition(0..<count, count: runs(images: count))
    context.pool.forEach(runs.count * blocking.parts) { index, worker in
      let (run, part) = index.quotientAndRemainder(dividingBy: blocking.parts)
      add(
        runs[run], part, input, outputGradient, scales, to: sums(run: run, part: part),
        worker, body)
    }
    context.pool.forEach(blocking.parts * Winograd.points) { index, _ in
      let (part, point) = index.quotientAndRemainder(dividingBy: Winograd.points)
      let floats = pointFloats(groups(ofPart: part).count)
      for run in stride(from: 1, to: runs.count, by: 1) {
        kernels.accumulate(
          sums(run: run, part: part) + point * floats, count: floats,
          into: sums(run: 0, part: part) + point * floats)
      }
    }
    context.pool.forEach(blocking.inputGroups) { group, _ in
      let (part, place) = group.quotientAndRemainder(dividingBy: blocking.partGroups)
      let floats = pointFloats(groups(ofPart: part).count)
      kernels.winogradFilterGradient(
        shape, sums(run: 0, part: part) + place * kernels.lanes * kernels.panelLanes,
        pointStride: floats, panelStride: floats / blocking.outputPanels, group: group,
        to: weightGradient)
    }
  }

  /// The sums over one run of images, a block of tiles at a time.
  private func add(
    _ run: Range<Int>, _ part: Int, _ input: any ImageProducer,
    _ outputGradient: any ImageProducer,
    _ scales: (images: ImageScales, gradients: ImageScales)?,
    to sums: UnsafeMutablePointer<Float>, _ worker: Int,
    _ body: (Range<Int>, Range<Int>, Values, Int) -> Void
  ) {
    let kernels = context.kernels
    let groups = groups(ofPart: part)
    let x = context.scratch.pointer(worker: worker)
    let dy = x + blocking.packs * blocking.inputStride
    let plane = shape.height * shape.width * kernels.lanes
    let chunks = WorkPartition(run, most: blocking.imagesAtOnce)
    for index in 0..<chunks.count {
      let gradients = outputGradient.images(
        chunks[index], groups: 0..<blocking.outputGroups, worker: worker)
      body(chunks[index], chunks[index + 1], gradients, worker)
      let images = input.images(chunks[index], groups: groups, worker: worker)
      let blocks = tileBlocks(of: chunks[index])
      var next = outputGradient.prefetchRanges(
        chunks[index + 1], groups: 0..<blocking.outputGroups,
        layout: ImageLayout(groups: blocking.outputGroups, plane: plane))
      next.fourth =
        input.prefetchRanges(
          chunks[index + 1], groups: groups,
          layout: ImageLayout(groups: blocking.inputGroups, plane: plane)
        ).first
      for number in 0..<blocks.count {
        let tiles = blocks[number]
        let prefetch = next.part(number, of: blocks.count)
        let accumulate = index + number > 0
        if let scales {
          if number == 0 { scale(chunks[index], gradients, scales, worker) }
          addInt16(
            images, gradients, groups, firstImage: chunks[index].lowerBound, tiles, to: sums,
            accumulate: accumulate, prefetch, worker)
          continue
        }
        kernels.winogradInput(
          tiling,
          WinogradTiles(
            images: images, imageGroups: blocking.inputGroups, groups: groups, tiles: tiles),
          to: x, packStride: blocking.inputStride)
        kernels.winogradGradient(
          tiling,
          WinogradTiles(
            images: gradients, imageGroups: blocking.outputGroups,
            groups: 0..<blocking.outputGroups, tiles: tiles),
          to: dy, packStride: blocking.gradientStride)
        kernels.winogradAccumulate(
          x, xStride: blocking.inputStride, groups: groups.count, dy: dy,
          dyStride: blocking.gradientStride,
          panels: blocking.outputPanels, tiles: tiles.count, sums: sums,
          accumulate: accumulate, prefetch: prefetch)
      }
    }
  }

  private func tileBlocks(of images: Range<Int>) -> WorkPartition {
    WorkPartition(
      (images.lowerBound * tiling.tilesPerImage)..<(images.upperBound * tiling.tilesPerImage),
      most: blocking.packs, unit: Winograd.packTiles)
  }
}
