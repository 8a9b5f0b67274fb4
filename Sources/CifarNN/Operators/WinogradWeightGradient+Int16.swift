import Kernels

// What is different where factors have 16 bits: see `Int16Products`.

extension WinogradWeightGradient {
  /// (3, images at once): the scales of images, of gradients, and what takes both back.
  private func scales(_ worker: Int) -> UnsafeMutablePointer<Float> {
    context.scratch.pointer(worker: worker) + blocking.inputFloats + blocking.gradientFloats
  }

  /// Sets the scales of a chunk.
  func scale(
    _ chunk: Range<Int>, _ gradients: Values,
    _ known: (images: ImageScales, gradients: ImageScales), _ worker: Int
  ) {
    let size = blocking.outputGroups * shape.height * shape.width * context.kernels.lanes
    let scales = scales(worker)
    for image in chunk {
      let x = ImageScale(
        largest: known.images.largest[image], limit: Int16Products.imageLimit)
      let largest = known.gradients.largest[image]
      let dy = ImageScale(
        largest: largest < 0
          ? context.kernels.largestMagnitude(gradients + image * size, count: size) : largest,
        limit: Int16Products.gradientLimit)
      let place = image - chunk.lowerBound
      scales[place] = x.scale
      scales[blocking.imagesAtOnce + place] = dy.scale
      scales[2 * blocking.imagesAtOnce + place] = x.inverse * dy.inverse
    }
  }

  /// - Parameter firstImage: the one that the scales begin with.
  func addInt16(
    _ images: Values, _ gradients: Values, _ groups: Range<Int>, firstImage: Int,
    _ tiles: Range<Int>, to sums: UnsafeMutablePointer<Float>, accumulate: Bool,
    _ prefetch: PrefetchRanges, _ worker: Int
  ) {
    let kernels = context.kernels
    let x = context.scratch.pointer(worker: worker)
    let dy = x + blocking.inputFloats
    let scales = scales(worker) - firstImage
    kernels.winogradInputInt16(
      tiling,
      WinogradTiles(
        images: images, imageGroups: blocking.inputGroups, groups: groups, tiles: tiles),
      scales: scales, pairs: .tiles, to: x.int16, pointStride: blocking.inputStride)
    kernels.winogradGradientInt16(
      tiling,
      WinogradTiles(
        images: gradients, imageGroups: blocking.outputGroups,
        groups: 0..<blocking.outputGroups, tiles: tiles),
      scales: scales + blocking.imagesAtOnce, to: dy.int16, pointStride: blocking.gradientStride)
    kernels.winogradAccumulateInt16(
      x.int16, xStride: blocking.inputStride, groups: groups.count, dy: dy.int16,
      dyStride: blocking.gradientStride, panels: blocking.outputPanels, tiles: tiles,
      tilesPerImage: tiling.tilesPerImage, scales: scales + 2 * blocking.imagesAtOnce, sums: sums,
      accumulate: accumulate, prefetch: prefetch)
  }
}
