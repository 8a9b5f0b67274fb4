import Kernels

// What is different where factors have 16 bits: see `Int16Products`.

extension WinogradWeightGradient {
  /// (3, images at once): the scales of images, of gradients, and what takes both back.
  func scales(_ worker: Int) -> UnsafeMutablePointer<Float> {
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
      let dy = FilterGradientScale(
        largest: largest < 0
          ? context.kernels.largestMagnitude(gradients + image * size, count: size) : largest,
        images: x)
      let place = image - chunk.lowerBound
      scales[place] = x.scale
      scales[blocking.imagesAtOnce + place] = dy.scale
      scales[2 * blocking.imagesAtOnce + place] = dy.inverseOfBoth
    }
  }
}
