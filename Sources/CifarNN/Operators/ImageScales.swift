import CifarCore
import Kernels

/// The scales of the images of a batch, for `Int16Products`. Each depends on its image alone, so that
/// an answer does not depend on the batch that the image is in.
final class ImageScales {
  /// (N)
  let scale: AlignedBuffer<Float>
  let inverse: AlignedBuffer<Float>
  /// (N): the largest magnitudes of the last pass, for another one that reads the same images.
  let largest: AlignedBuffer<Float>

  /// - Throws: `outOfMemory`.
  init(images: Int) throws {
    scale = try AlignedBuffer(count: images)
    inverse = try AlignedBuffer(count: images)
    largest = try AlignedBuffer(count: images)
  }

  func set(_ image: Int, largest magnitude: Float, limit: Float) {
    let value = ImageScale(largest: magnitude, limit: limit)
    scale[image] = value.scale
    inverse[image] = value.inverse
    largest[image] = magnitude
  }
}
