import CifarCore

/// Mixes the images of a batch, in place.
///
/// What is drawn is a pure function of (seed, epoch, batch); each worker has one of its own for its
/// buffer.
final class BatchMixer {
  private let kinds: [any BatchAugmentation]
  private let shape: ImageShape
  private let seed: UInt64
  /// The batch's last image, which the first is mixed with: (channels, height, width).
  private let last: AlignedBuffer<Float>

  /// nil where nothing mixes.
  init?(shape: ImageShape, augmentations: [Augmentation], seed: UInt64) throws {
    kinds = augmentations.compactMap { $0.kind as? any BatchAugmentation }
    guard !kinds.isEmpty else { return nil }
    self.shape = shape
    self.seed = seed
    last = try AlignedBuffer(count: shape.count)
  }

  /// - Parameters:
  ///   - images: (count, channels, height, width), changed.
  ///   - epoch: from 1.
  ///   - batch: from 0.
  /// - Returns: how they were mixed; nil if they were not.
  func run(
    _ images: UnsafeMutablePointer<Float>, count: Int, epoch: Int, batch: Int
  ) -> ImageMix? {
    var random = RandomSequence(
      seed: seed, purpose: .mixing, major: UInt32(epoch), minor: UInt32(batch))
    let kind = kinds[random.below(kinds.count)]
    guard let mix = kind.draw(for: shape, &random) else { return nil }
    apply(mix, to: images, count: count)
    return mix
  }

  func apply(_ mix: ImageMix, to images: UnsafeMutablePointer<Float>, count: Int) {
    last.pointer.update(from: images + (count - 1) * shape.count, count: shape.count)
    // From the end: what an image is mixed with is not mixed itself yet.
    for index in (0..<count).reversed() {
      let image = images + index * shape.count
      mix.apply(shape, to: image, with: index == 0 ? last.pointer : image - shape.count)
    }
  }
}
