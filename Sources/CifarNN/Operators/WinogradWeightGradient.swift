import CifarCore
import Kernels

/// How `WinogradWeightGradient` cuts its work.
struct WinogradWeightGradientBlocking: Equatable, Sendable {
  let inputGroups: Int
  let outputGroups: Int
  let outputPanels: Int
  /// Panels of the output that are multiplied at a time, the most: both factors and the sums then fit
  /// into the second-level cache.
  let panelsAtOnce: Int
  /// Parts of the input's groups, and the most groups that one has.
  let parts: Int
  let partGroups: Int
  /// What the groups of images are cut into.
  let pieces: GroupPieces
  private let threads: Int
  /// Packs that are transformed and multiplied at a time.
  let packs: Int
  /// Floats from one pack of transformed images to the next, (groups of a part, 36, 6, lanes), and
  /// of transformed gradients, (panels at once, 36, 6, panel). With factors of 16 bits, int16 from one point
  /// to the next: (groups of a part, 36, tiles / 2, lanes, 2), (panels at once, 36, tiles / 2, panel, 2).
  let inputStride: Int
  let gradientStride: Int
  /// What a worker's transforms of both take, and the scales of the images.
  let inputFloats: Int
  let gradientFloats: Int
  let scaleFloats: Int
  /// Images that are transformed at a time, unless one has more tiles than a block.
  let imagesAtOnce: Int
  /// Floats of a part's sums over a piece of a group of images: (panels of output, groups of the part,
  /// 36, lanes, panel).
  private let sumFloats: Int
  /// Those of the filters' gradients of all chunks.
  private let gradientSumFloats: Int

  var scratch: ScratchSize {
    ScratchSize(
      filterSums: gradientSumFloats, worker: inputFloats + gradientFloats + scaleFloats
    ).union(ScratchSize(worker: sumFloats, for: .sums))
  }

  /// How many of `pieces` a chunk has, 1 or 2: two are added up while they are in a core's caches, unless
  /// that leaves too little to share.
  func chunkPieces(of pieces: Int) -> Int {
    WinogradWeightGradientBlocking.chunkPieces(of: pieces, parts: parts, threads: threads)
  }

  private static func chunkPieces(of pieces: Int, parts: Int, threads: Int) -> Int {
    pieces / 2 * parts >= 2 * threads ? 2 : 1
  }

  /// Whether there is one part, so that no gradient is transformed twice.
  var readsGradientsOnce: Bool { parts == 1 }

  /// What the transforms of a block may take of a second-level cache of 1 MB, as float32. With factors of
  /// 16 bits, blocks of twice the tiles were slower: the sums need what is left.
  private static let blockFloats = 200_000

  /// Tiles that are worth bringing their sums back to the filters.
  private static let pieceTiles = 256

  init(_ shape: ConvolutionShape, _ target: PlanTarget) {
    let (lanes, panel) = (target.tiles.lanes, target.tiles.panelLanes)
    inputGroups = blocks(shape.inputChannels, of: lanes)
    outputGroups = blocks(shape.outputChannels, of: lanes)
    outputPanels = blocks(shape.outputChannels, of: panel)
    panelsAtOnce = min(2, outputPanels)
    let inputPanels = blocks(shape.inputChannels, of: panel)
    partGroups = blocks(inputPanels, of: 4) * panel / lanes
    parts = blocks(inputGroups, of: partGroups)
    let tilesPerImage = WinogradTiling(
      height: shape.height, width: shape.width, kernel: shape.kernel,
      pairs: target.products == .int16
    ).tilesPerImage
    let (inputs, outputs) = (partGroups * lanes, panelsAtOnce * panel)
    let packFloats = Winograd.points * Winograd.packTiles * (inputs + outputs)
    packs = max(1, WinogradWeightGradientBlocking.blockFloats / packFloats)
    switch target.products {
    case .float32:
      inputStride = WinogradConvolution.packStride(inputs)
      gradientStride = WinogradConvolution.packStride(outputs)
      (inputFloats, gradientFloats) = (packs * inputStride, packs * gradientStride)
    case .int16:
      inputStride = WinogradConvolution.pointStride(packs: packs, lanes)
      gradientStride = WinogradConvolution.pointStride(packs: packs, panel)
      inputFloats = Winograd.points * partGroups * inputStride / 2
      gradientFloats = Winograd.points * panelsAtOnce * gradientStride / 2
    }
    imagesAtOnce = max(1, packs * Winograd.packTiles / tilesPerImage)
    pieces = GroupPieces(
      items: inputGroups,
      images: blocks(WinogradWeightGradientBlocking.pieceTiles, of: tilesPerImage))
    threads = target.threads
    scaleFloats = target.products == .int16 ? 3 * imagesAtOnce : 0
    sumFloats =
      Winograd.points * outputPanels * partGroups * Winograd.sumStride(lanes: lanes, panel: panel)
    // A smaller batch has fewer pieces, but perhaps as many chunks.
    var chunks = 1
    var count = pieces.most(batchSize: target.batchSize)
    while count > 0 {
      let ofChunk = WinogradWeightGradientBlocking.chunkPieces(
        of: count, parts: parts, threads: threads)
      chunks = max(chunks, count / ofChunk)
      count /= 2
    }
    gradientSumFloats =
      chunks * shape.kernel * shape.kernel * outputPanels * panel * inputGroups * lanes
  }
}

/// Σ over all tiles of (Bᵀ·d·B) ⊙ (D·dy·Dᵀ), and its way back to the filters.
///
/// The work is cut twice: the panels of the input into up to four parts, the batch into its groups
/// of images, or pieces of them. Both factors of a chunk are made by the worker that multiplies them and
/// stay in its second-level cache, its sums beside them: handing transforms from core to core cost a
/// sixth of a step. A piece's sums are brought back to the filters, a quarter of their size, before the pieces
/// are added up. Which part a sum belongs to does not show in it, nor which chunk, and the order of its
/// terms follows from the batch alone.
final class WinogradWeightGradient {
  let blocking: WinogradWeightGradientBlocking
  let shape: ConvolutionShape
  let context: OperatorContext
  let tiling: WinogradTiling

  init(
    _ blocking: WinogradWeightGradientBlocking, shape: ConvolutionShape,
    context: OperatorContext
  ) {
    self.blocking = blocking
    self.shape = shape
    self.context = context
    tiling = WinogradTiling(
      height: shape.height, width: shape.width, kernel: shape.kernel,
      pairs: context.target.products == .int16)
  }

  /// The sums of one group of the input and one panel of the output.
  private var itemFloats: Int {
    Winograd.points
      * Winograd.sumStride(lanes: context.kernels.lanes, panel: context.kernels.panelLanes)
  }

  /// The panels that are multiplied at a time.
  private var panelParts: WorkPartition {
    WorkPartition(0..<blocking.outputPanels, most: blocking.panelsAtOnce)
  }

  /// The chunks that the images are shared out in, and the pieces of each.
  private func chunks(_ batch: BatchPartition) -> (count: Int, pieces: Int) {
    let pieces = blocking.pieces.count(batch)
    let ofChunk = blocking.chunkPieces(of: pieces)
    return (pieces / ofChunk, ofChunk)
  }

  /// How many groups of the input a chunk takes: fewer than planned where there would be no work for
  /// some threads.
  private func partGroups(_ batch: BatchPartition) -> Int {
    let wanted = blocks(context.pool.threads, of: chunks(batch).count * blocking.parts)
    return blocks(blocking.partGroups, of: wanted)
  }

  /// Whether there are as many chunks for every thread, and each image is read in one of them: then
  /// others may do their work on the images in them.
  func sharesEqually(_ batch: BatchPartition) -> Bool {
    blocking.readsGradientsOnce && chunks(batch).count % context.pool.threads == 0
  }

  /// - Parameters:
  ///   - scales: of the last forward pass, and of the last one to the data; negative for unknown ones.
  ///   - weightGradient: (out, in, k, k), overwritten.
  ///   - body: is given some images, those that follow, their gradients and the worker, before they are
  ///     multiplied.
  func compute(
    batch: BatchPartition, input: any ImageProducer, outputGradient: any ImageProducer,
    scales: (images: ImageScales, gradients: ImageScales)?,
    to weightGradient: UnsafeMutablePointer<Float>,
    _ body: (Range<Int>, Range<Int>, Values, Int) -> Void
  ) {
    let partGroups = partGroups(batch)
    let parts = blocks(blocking.inputGroups, of: partGroups)
    let chunks = chunks(batch)
    // Each part needs all of the gradients.
    let outputGradient =
      blocking.readsGradientsOnce
      ? outputGradient : outputGradient.batch(batch.count) ?? outputGradient
    let filterSums = FilterGradientSums(shape, chunks: chunks.count, context)
    context.pool.forEach(chunks.count * parts) { index, worker in
      let (chunk, part) = index.quotientAndRemainder(dividingBy: parts)
      let groups =
        (part * partGroups)..<min(blocking.inputGroups, (part + 1) * partGroups)
      let sums = context.scratch.pointer(worker: worker, for: .sums)
      for piece in 0..<chunks.pieces {
        let images = blocking.pieces.piece(chunk * chunks.pieces + piece, of: batch)
        let place = FilterSumPlace(sums: filterSums, chunk: chunk, accumulate: piece > 0)
        if images.isEmpty {
          addNothing(groups, to: sums, place)
        } else {
          add(images, groups, input, outputGradient, scales, to: sums, place, worker, body)
        }
      }
    }
    filterSums.addUp(to: weightGradient)
  }

  /// Where the sums of a piece go.
  private struct FilterSumPlace {
    let sums: FilterGradientSums
    let chunk: Int
    /// Whether they are added to those of the piece before.
    let accumulate: Bool
  }

  /// The sums of a piece without images: zeros, which are added like others, as −0 + 0 is 0.
  private func addNothing(
    _ groups: Range<Int>, to sums: UnsafeMutablePointer<Float>, _ place: FilterSumPlace
  ) {
    for part in 0..<panelParts.count {
      let panels = panelParts[part]
      sums.update(repeating: 0, count: panels.count * groups.count * itemFloats)
      transformBack(sums, groups, panels, place)
    }
  }

  /// The sums of some panels of the output back to the filters.
  private func transformBack(
    _ sums: UnsafePointer<Float>, _ groups: Range<Int>, _ panels: Range<Int>,
    _ place: FilterSumPlace
  ) {
    let kernels = context.kernels
    // The convolution to these panels alone.
    var shape = shape
    let first = panels.lowerBound * kernels.panelLanes
    shape.outputChannels =
      min(self.shape.outputChannels, panels.upperBound * kernels.panelLanes) - first
    for group in groups {
      kernels.winogradFilterGradient(
        shape, sums + (group - groups.lowerBound) * itemFloats,
        panelStride: groups.count * itemFloats, group: group,
        to: place.sums.pointer(
          chunk: place.chunk, inputGroup: group, outputPanel: panels.lowerBound),
        accumulate: place.accumulate)
    }
  }

  /// The sums over one piece of a group of images, a block of tiles at a time.
  private func add(
    _ all: Range<Int>, _ groups: Range<Int>, _ input: any ImageProducer,
    _ outputGradient: any ImageProducer,
    _ scales: (images: ImageScales, gradients: ImageScales)?,
    to sums: UnsafeMutablePointer<Float>, _ place: FilterSumPlace, _ worker: Int,
    _ body: (Range<Int>, Range<Int>, Values, Int) -> Void
  ) {
    let panelParts = panelParts
    let kernels = context.kernels
    let x = context.scratch.pointer(worker: worker)
    let plane = shape.height * shape.width * kernels.lanes
    let chunks = WorkPartition(all, most: blocking.imagesAtOnce)
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
      for block in 0..<blocks.count {
        let tiles = blocks[block]
        let isLast = index == chunks.count - 1 && block == blocks.count - 1
        if let scales, block == 0 { scale(chunks[index], gradients, scales, worker) }
        transform(images, groups, firstImage: chunks[index].lowerBound, tiles, to: x, worker)
        for part in 0..<panelParts.count {
          let panels = panelParts[part]
          let to = sums + panels.lowerBound * groups.count * itemFloats
          multiply(
            gradients, panels, inputs: groups.count, firstImage: chunks[index].lowerBound, tiles,
            to: to, accumulate: index + block > 0,
            next.part(block * panelParts.count + part, of: blocks.count * panelParts.count),
            worker)
          if isLast { transformBack(to, groups, panels, place) }
        }
      }
    }
  }

  /// Some tiles of the images into the transformed space.
  private func transform(
    _ images: Values, _ groups: Range<Int>, firstImage: Int, _ tiles: Range<Int>,
    to x: UnsafeMutablePointer<Float>, _ worker: Int
  ) {
    let area = WinogradTiles(
      images: images, imageGroups: blocking.inputGroups, groups: groups, tiles: tiles)
    if context.target.products == .int16 {
      context.kernels.winogradInputInt16(
        tiling, area, scales: scales(worker) - firstImage, pairs: .tiles, to: x.int16,
        pointStride: blocking.inputStride)
    } else {
      context.kernels.winogradInput(tiling, area, to: x, packStride: blocking.inputStride)
    }
  }

  /// Adds the products of transformed tiles and the gradients of some panels of the output.
  ///
  /// - Parameter inputs: groups of the input.
  private func multiply(
    _ gradients: Values, _ panels: Range<Int>, inputs: Int, firstImage: Int, _ tiles: Range<Int>,
    to sums: UnsafeMutablePointer<Float>, accumulate: Bool, _ prefetch: PrefetchRanges,
    _ worker: Int
  ) {
    let kernels = context.kernels
    let x = context.scratch.pointer(worker: worker)
    let dy = x + blocking.inputFloats
    let vectors = kernels.panelLanes / kernels.lanes
    let area = WinogradTiles(
      images: gradients, imageGroups: blocking.outputGroups,
      groups: (panels.lowerBound * vectors)..<min(
        blocking.outputGroups, panels.upperBound * vectors), tiles: tiles)
    if context.target.products == .int16 {
      let scales = scales(worker) - firstImage
      kernels.winogradGradientInt16(
        tiling, area, scales: scales + blocking.imagesAtOnce, to: dy.int16,
        pointStride: blocking.gradientStride)
      kernels.winogradAccumulateInt16(
        x.int16, xStride: blocking.inputStride, groups: inputs, dy: dy.int16,
        dyStride: blocking.gradientStride, panels: panels.count, tiles: tiles,
        tiling: tiling, scales: scales + 2 * blocking.imagesAtOnce,
        sums: sums, accumulate: accumulate, prefetch: prefetch)
    } else {
      kernels.winogradGradient(tiling, area, to: dy, packStride: blocking.gradientStride)
      kernels.winogradAccumulate(
        x, xStride: blocking.inputStride, groups: inputs, dy: dy,
        dyStride: blocking.gradientStride, panels: panels.count, tiles: tiles.count, sums: sums,
        accumulate: accumulate, prefetch: prefetch)
    }
  }

  private func tileBlocks(of images: Range<Int>) -> WorkPartition {
    WorkPartition(
      (images.lowerBound * tiling.tilesPerImage)..<(images.upperBound * tiling.tilesPerImage),
      most: blocking.packs, unit: Winograd.packTiles)
  }
}
