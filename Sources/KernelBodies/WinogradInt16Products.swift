import KernelABI

private let packTiles = Winograd.packTiles

extension KernelSet {
  public func winogradMultiplyInt16(
    _ transformed: UnsafePointer<Int16>, pointStride: Int, tiles: Int, groups: Int,
    filters: UnsafePointer<Int16>, scales: Input, product: Output, prefetch: PrefetchRanges
  ) {
    let packs = blocks(tiles, of: packTiles)
    var prefetch = Prefetch(prefetch, parts: Winograd.points * packs)
    for point in 0..<Winograd.points {
      let w = filters + point * groups * lanes * panel
      let scale = scales + point * panel
      for pack in 0..<packs {
        prefetch.advance()
        let x = transformed + point * pointStride + pack * packTiles * lanes
        let to = product + (pack * Winograd.points + point) * packTiles * panel
        let left = tiles - pack * packTiles
        if left <= 2 {
          multiplyTiles(2, x, pointStride, groups, w, scale, to)
        } else if left <= 4 {
          multiplyTiles(4, x, pointStride, groups, w, scale, to)
        } else {
          multiplyTiles(packTiles, x, pointStride, groups, w, scale, to)
        }
      }
    }
  }

  @inline(__always)
  private func multiplyTiles(
    _ rows: Int, _ x: UnsafePointer<Int16>, _ pointStride: Int, _ groups: Int,
    _ filters: UnsafePointer<Int16>, _ scales: Input, _ to: Output
  ) {
    var sums = Accumulators()
    var w = filters
    var p = x
    var left = groups
    while left > 0 {
      let run = min(left, Int16Products.sumInputs / lanes)
      var products = Accumulators()
      for _ in 0..<run {
        for pair in 0..<(lanes / 2) {
          products.addPairs(rows, p + 2 * pair, lanes, w + 2 * pair * panel)
        }
        w += lanes * panel
        p += Winograd.points * pointStride
      }
      sums.addInt32(rows, products)
      left -= run
    }
    let scale0 = load(scales)
    let scale1 = load(scales + lanes)
    sums.forEachRow(rows) { row, first, second in
      store(first * scale0, to + row * panel)
      store(second * scale1, to + row * panel + lanes)
    }
  }

  public func winogradAccumulateInt16(
    _ x: UnsafePointer<Int16>, xStride: Int, groups: Int, dy: UnsafePointer<Int16>, dyStride: Int,
    panels: Int, tiles: Range<Int>, tiling: WinogradTiling, scales: Input, sums: Output,
    accumulate: Bool, prefetch: PrefetchRanges
  ) {
    withUnsafeTemporaryAllocation(
      byteCount: TileRuns.bytes(tiles, tiling), alignment: TileRuns.alignment
    ) { memory in
      let runs = TileRuns(
        tiles, tiling, scales, memory: memory.baseAddress.unsafelyUnwrapped)
      // As in `winogradAccumulate`.
      let rows = lanes == 16 ? 6 : 4
      let rest = lanes - 2 * rows
      var prefetch = Prefetch(prefetch, parts: Winograd.points * panels * groups * 3)
      let pointStride = Winograd.sumStride(lanes: lanes, panel: panel)
      for point in 0..<Winograd.points {
        let bound = Vector(
          repeating: Int16Products.productBound(point, outputTile: tiling.outputTile))
        for index in 0..<panels {
          let g = dy + (index * Winograd.points + point) * dyStride
          for group in 0..<groups {
            let from = x + (group * Winograd.points + point) * xStride
            let to = sums + ((index * groups + group) * Winograd.points + point) * pointStride
            prefetch.advance()
            accumulateTiles(rows, from, g, runs, bound, to, accumulate)
            prefetch.advance()
            accumulateTiles(rows, from + 2 * rows, g, runs, bound, to + rows * panel, accumulate)
            prefetch.advance()
            if rest > 0 {
              accumulateTiles(
                rest, from + 4 * rows, g, runs, bound, to + 2 * rows * panel, accumulate)
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private func accumulateTiles(
    _ rows: Int, _ x: UnsafePointer<Int16>, _ dy: UnsafePointer<Int16>, _ runs: TileRuns,
    _ bound: Vector, _ to: Output, _ adds: Bool
  ) {
    var sums = Accumulators()
    if adds { sums.read(rows, to) }
    var products = Accumulators()
    for index in 0..<runs.count {
      let piece = runs.pieces[index]
      var p = x + piece.first * 2 * lanes
      var g = dy + piece.first * 2 * panel
      for _ in 0..<piece.count {
        products.addPairs(rows, p, 2, g)
        p += 2 * lanes
        g += 2 * panel
      }
      if piece.endsRun {
        sums.addInt32(rows, products, times: Vector(repeating: piece.scale) * bound)
        products = Accumulators()
      }
    }
    sums.write(rows, to)
  }
}

/// The pairs of tiles of a block, in runs of one scale that are added up as int32: images of the same
/// scale come one after the other, in their order.
private struct TileRuns {
  /// Pairs beside each other.
  struct Piece {
    let first: Int
    var count: Int
    let scale: Float
    var endsRun = false
  }

  let pieces: UnsafeMutablePointer<Piece>
  private(set) var count = 0

  /// Pairs of a run, the most.
  private static let most = Int16Products.sumTiles / 2
  static let alignment = 64

  /// What `init` needs: a piece has a pair at least, an image too.
  static func bytes(_ tiles: Range<Int>, _ tiling: WinogradTiling) -> Int {
    tiles.count / 2 * (MemoryLayout<Piece>.stride + MemoryLayout<Int>.stride)
  }

  /// - Parameter scales: of the images that the tiles are counted in.
  @inline(__always)
  init(
    _ tiles: Range<Int>, _ tiling: WinogradTiling, _ scales: Input, memory: UnsafeMutableRawPointer
  ) {
    pieces = memory.assumingMemoryBound(to: Piece.self)
    let ordered = (memory + tiles.count / 2 * MemoryLayout<Piece>.stride)
      .assumingMemoryBound(to: Int.self)
    let perImage = tiling.tilesPerImage
    let firstImage = tiles.lowerBound / perImage
    let images = blocks(tiles.upperBound, of: perImage) - firstImage
    for image in firstImage..<(firstImage + images) {
      // As bits, so that NaN has its place, too.
      let scale = scales[image].bitPattern
      var place = image - firstImage
      while place > 0, scales[ordered[place - 1]].bitPattern > scale {
        ordered[place] = ordered[place - 1]
        place -= 1
      }
      ordered[place] = image
    }
    var room = 0
    for place in 0..<images {
      let image = ordered[place]
      let scale = scales[image]
      var first = max(tiles.lowerBound, image * perImage)
      let end = min(tiles.upperBound, (image + 1) * perImage)
      if place > 0, scales[ordered[place - 1]].bitPattern != scale.bitPattern { room = 0 }
      while first < end {
        if room == 0 {
          endRun()
          room = TileRuns.most
        }
        let pairs = min((end - first) / 2, room)
        append((first - tiles.lowerBound) / 2, pairs, scale)
        first += 2 * pairs
        room -= pairs
      }
    }
    endRun()
  }

  @inline(__always)
  private mutating func append(_ first: Int, _ pairs: Int, _ scale: Float) {
    if count > 0, !pieces[count - 1].endsRun,
      pieces[count - 1].first + pieces[count - 1].count == first
    {
      pieces[count - 1].count += pairs
      return
    }
    pieces[count] = Piece(first: first, count: pairs, scale: scale)
    count += 1
  }

  @inline(__always)
  private func endRun() {
    if count > 0 { pieces[count - 1].endsRun = true }
  }
}

extension Int16Products {
  /// The bounds of both factors of the filters' gradient at one of the 36 points.
  @inline(__always)
  fileprivate static func productBound(_ point: Int, outputTile: Int) -> Float {
    let (y, x) = (point / 6, point % 6)
    return inputBound(y) * inputBound(x) * gradientBound(y, outputTile: outputTile)
      * gradientBound(x, outputTile: outputTile)
  }
}
