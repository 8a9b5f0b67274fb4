import CifarCore

/// Mixes the images of a batch, in place.
///
/// What is drawn is a pure function of (seed, epoch, batch); each worker has one of its own for its
/// buffer.
final class BatchMixer {
  private let kinds: [any BatchAugmentation]
  private let shape: ImageShape
  private let seed: UInt64
  /// The image that the first one is mixed with: (channels, height, width).
  let before: AlignedBuffer<Float>

  /// nil where nothing mixes.
  init?(shape: ImageShape, augmentations: [Augmentation], seed: UInt64) throws {
    kinds = augmentations.compactMap { $0.kind as? any BatchAugmentation }
    guard !kinds.isEmpty else { return nil }
    self.shape = shape
    self.seed = seed
    before = try AlignedBuffer(count: shape.count)
  }

  /// How a batch is mixed; nil if it is not.
  ///
  /// - Parameters:
  ///   - epoch: from 1.
  ///   - batch: from 0.
  func draw(epoch: Int, batch: Int) -> ImageMix? {
    var random = RandomSequence(
      seed: seed, purpose: .mixing, major: UInt32(epoch), minor: UInt32(batch))
    return kinds[random.below(kinds.count)].draw(for: shape, &random)
  }

  func setBefore(_ image: UnsafePointer<Float>) {
    before.pointer.update(from: image, count: shape.count)
  }

  /// - Parameter images: (count, channels, height, width), changed; the first one is mixed with
  ///   `before`.
  func apply(_ mix: ImageMix, to images: UnsafeMutablePointer<Float>, count: Int) {
    // From the end: what an image is mixed with is not mixed itself yet.
    for index in (0..<count).reversed() {
      let image = images + index * shape.count
      mix.apply(shape, to: image, with: index == 0 ? before.pointer : image - shape.count)
    }
  }
}
