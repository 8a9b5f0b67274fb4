import CifarCore
import Kernels

/// The scales of the images of a batch, for `Int16Products`. Each depends on its image alone, so that
/// an answer does not depend on the batch that the image is in.
final class ImageScales {
  /// (N)
  let scale: AlignedBuffer<Float>
  let inverse: AlignedBuffer<Float>

  /// - Throws: `outOfMemory`.
  init(images: Int) throws {
    scale = try AlignedBuffer(count: images)
    inverse = try AlignedBuffer(count: images)
  }

  func set(_ image: Int, _ value: ImageScale) {
    scale[image] = value.scale
    inverse[image] = value.inverse
  }
}

extension KernelTable {
  /// The scale of `count` numbers.
  func scale(of values: Values, count: Int, limit: Float) -> ImageScale {
    ImageScale(largest: largestMagnitude(values, count: count), limit: limit)
  }
}
