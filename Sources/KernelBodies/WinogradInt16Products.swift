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
    // As in `winogradAccumulate`.
    let rows = lanes == 16 ? 6 : 4
    let rest = lanes - 2 * rows
    let images = TileRuns(tiles, tiling.tilesPerImage, scales)
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
          accumulateTiles(rows, from, g, images, bound, to, accumulate)
          prefetch.advance()
          accumulateTiles(rows, from + 2 * rows, g, images, bound, to + rows * panel, accumulate)
          prefetch.advance()
          if rest > 0 {
            accumulateTiles(
              rest, from + 4 * rows, g, images, bound, to + 2 * rows * panel, accumulate)
          }
        }
      }
    }
  }

  @inline(__always)
  private func accumulateTiles(
    _ rows: Int, _ x: UnsafePointer<Int16>, _ dy: UnsafePointer<Int16>, _ images: TileRuns,
    _ bound: Vector, _ to: Output, _ adds: Bool
  ) {
    var sums = Accumulators()
    if adds { sums.read(rows, to) }
    var p = x
    var g = dy
    var scale = images.firstScale
    var left = images.firstPairs
    var pairs = images.pairs
    while pairs > 0 {
      let run = min(left, Int16Products.sumTiles / 2)
      var products = Accumulators()
      for _ in 0..<run {
        products.addPairs(rows, p, 2, g)
        p += 2 * lanes
        g += 2 * panel
      }
      sums.addInt32(rows, products, times: broadcast(scale) * bound)
      pairs -= run
      left -= run
      if left == 0 {
        left = min(pairs, images.imagePairs)
        scale += 1
      }
    }
    sums.write(rows, to)
  }
}

/// Where the images begin among pairs of tiles.
private struct TileRuns {
  let pairs: Int
  let imagePairs: Int
  /// What is there of the first image.
  let firstPairs: Int
  let firstScale: Input

  @inline(__always)
  init(_ tiles: Range<Int>, _ tilesPerImage: Int, _ scales: Input) {
    let image = tiles.lowerBound / tilesPerImage
    pairs = tiles.count / 2
    imagePairs = tilesPerImage / 2
    firstScale = scales + image
    firstPairs = min(pairs, ((image + 1) * tilesPerImage - tiles.lowerBound) / 2)
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
