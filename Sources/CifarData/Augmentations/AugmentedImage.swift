import CifarCore

/// An image on its way through augmentations: bytes or, after Keras's generator, numbers with
/// fractions; at the end normalised numbers.
///
/// It has its buffers for good: each worker has one of its own.
package final class AugmentedImage {
  package let shape: ImageShape
  /// Which image it is.
  package private(set) var place = Place()
  private let normalization: Normalization
  private let normalizer: ImageNormalizer
  private let bytes: [AlignedBuffer<UInt8>]
  private let floats: AlignedBuffer<Float>

  private var image: UnsafePointer<UInt8>
  /// The one of the two byte buffers that `image` is not in.
  private var spare = 0
  private var isFractional = false
  private var isNormalized = false
  private var target: UnsafeMutablePointer<Float>

  /// Where random numbers come from that have to be the same in several epochs.
  package struct Place: Sendable {
    package var seed: UInt64 = 0
    /// From 1.
    package var epoch = 1
    /// In the data set.
    package var sample = 0
  }

  /// - Throws: `outOfMemory`.
  init(_ shape: ImageShape, _ normalization: Normalization) throws {
    self.shape = shape
    self.normalization = normalization
    normalizer = ImageNormalizer(shape, normalization)
    bytes = try (0..<2).map { _ in try AlignedBuffer(count: shape.count) }
    floats = try AlignedBuffer(count: shape.count)
    image = UnsafePointer(bytes[0].pointer)
    target = floats.pointer
  }

  /// Begins with another image.
  ///
  /// - Parameters:
  ///   - image: (channels, height, width) bytes.
  ///   - target: (channels, height, width), overwritten by `normalize`.
  func begin(
    _ image: UnsafePointer<UInt8>, at place: Place = Place(), target: UnsafeMutablePointer<Float>
  ) {
    self.image = image
    self.place = place
    self.target = target
    spare = 0
    isFractional = false
    isNormalized = false
  }

  /// Makes another image of the bytes.
  func change(_ change: (UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Void) {
    roundToBytes(.toNearestOrAwayFromZero)
    let next = bytes[spare].pointer
    change(image, next)
    image = UnsafePointer(next)
    spare = 1 - spare
  }

  /// Makes numbers with fractions, in [0, 255], of the bytes.
  func makeFractional(_ change: (UnsafePointer<UInt8>, UnsafeMutablePointer<Float>) -> Void) {
    roundToBytes(.toNearestOrAwayFromZero)
    change(image, floats.pointer)
    isFractional = true
  }

  /// Makes bytes of numbers with fractions; others stay.
  func roundToBytes(_ rule: FloatingPointRoundingRule) {
    guard isFractional else { return }
    let next = bytes[spare].pointer
    for i in 0..<shape.count { next[i] = UInt8(floats[i].rounded(rule)) }
    image = UnsafePointer(next)
    spare = 1 - spare
    isFractional = false
  }

  /// Puts the normalised numbers, for the first time the image's, into the target.
  /// - Returns: the target, to be changed.
  @discardableResult
  func normalize() -> UnsafeMutablePointer<Float> {
    guard !isNormalized else { return target }
    isNormalized = true
    guard isFractional else {
      normalizer.run(image, to: target)
      return target
    }
    for channel in 0..<shape.channels {
      let scale = 1 / (255 * normalization.std[channel])
      let offset = -normalization.mean[channel] / normalization.std[channel]
      for i in (channel * shape.pixels)..<((channel + 1) * shape.pixels) {
        target[i] = floats[i] * scale + offset
      }
    }
    return target
  }
}
