import CifarCore

/// Turns one stored image into the numbers that a model sees: augmentation, then normalisation; what
/// mixes images with each other, `BatchMixer` does.
///
/// A pure function of (seed, epoch, sample) and the image; each worker has one of its own for its
/// buffers.
final class ImagePipeline {
  private let augmentations: [any ImageAugmentation]
  private let seed: UInt64
  private let augmented: AugmentedImage

  init(
    shape: ImageShape, normalization: Normalization, augmentations: [Augmentation], seed: UInt64
  ) throws {
    self.augmentations = augmentations.compactMap { $0.kind as? any ImageAugmentation }
    self.seed = seed
    augmented = try AugmentedImage(shape, normalization)
  }

  /// - Parameters:
  ///   - epoch: from 1.
  ///   - sample: the image's place in the data set.
  ///   - target: (channels, height, width), overwritten.
  func run(
    _ image: UnsafePointer<UInt8>, epoch: Int, sample: Int,
    to target: UnsafeMutablePointer<Float>
  ) {
    var random = RandomSequence(
      seed: seed, purpose: .augmentation, major: UInt32(epoch), minor: UInt32(sample))
    augmented.begin(
      image, at: .init(seed: seed, epoch: epoch, sample: sample), target: target)
    for augmentation in augmentations { augmentation.apply(to: augmented, &random) }
    augmented.normalize()
  }
}
