import CifarCore

/// Turns one stored image into the numbers that a model sees: augmentation, then normalisation.
///
/// A pure function of (seed, epoch, sample) and the image; each worker has one of its own for its
/// buffers.
final class ImagePipeline {
  private let augmentations: [Augmentation]
  private let normalization: Normalization
  private let normalizer: ImageNormalizer
  private let seed: UInt64
  private let bytes: [AlignedBuffer<UInt8>]
  private let floats: AlignedBuffer<Float>

  init(normalization: Normalization, augmentations: [Augmentation], seed: UInt64) {
    self.augmentations = augmentations
    self.normalization = normalization
    self.seed = seed
    normalizer = ImageNormalizer(normalization)
    bytes = (0..<2).map { _ in AlignedBuffer(count: Dataset.imageBytes) }
    floats = AlignedBuffer(count: Dataset.imageBytes)
  }

  /// - Parameters:
  ///   - epoch: from 1.
  ///   - sample: the image's place in the data set.
  ///   - target: (3, 32, 32), overwritten.
  func run(
    _ image: UnsafePointer<UInt8>, epoch: Int, sample: Int,
    to target: UnsafeMutablePointer<Float>
  ) {
    var random = RandomSequence(
      seed: seed, purpose: .augmentation, major: UInt32(epoch), minor: UInt32(sample))
    var current = image
    var spare = 0
    for augmentation in augmentations {
      let next = bytes[spare].pointer
      switch augmentation {
      case .randomHorizontalFlip(let probability):
        guard Double(random.uniform()) < probability else { continue }
        ByteTransforms.flip(current, to: next)
      case .randomRotation(let degrees):
        let angle = Double(random.uniform(Float(-degrees), Float(degrees)))
        ByteTransforms.rotate(current, degrees: angle, to: next)
      case .randomTranslation(let share):
        let reach = Float(share) * 32
        let dx = Int(random.uniform(-reach, reach).rounded(.toNearestOrEven))
        let dy = Int(random.uniform(-reach, reach).rounded(.toNearestOrEven))
        ByteTransforms.translate(current, dx: dx, dy: dy, to: next)
      case .imageDataGenerator(let rotation, let width, let height, let flip):
        let transform = GeneratorTransform(
          theta: Double(random.uniform(Float(-rotation), Float(rotation))),
          tx: Double(random.uniform(Float(-height), Float(height)) * 32),
          ty: Double(random.uniform(Float(-width), Float(width)) * 32),
          flip: flip && random.uniform() < 0.5)
        transform.apply(current, to: floats.pointer)
        // Keras keeps the fractions; what follows here, if anything does, works on bytes.
        if augmentation == augmentations.last { return normalizeFloats(to: target) }
        for i in 0..<Dataset.imageBytes { next[i] = UInt8(floats[i].rounded()) }
      }
      current = UnsafePointer(next)
      spare = 1 - spare
    }
    normalizer.run(current, to: target)
  }

  private func normalizeFloats(to target: UnsafeMutablePointer<Float>) {
    for channel in 0..<3 {
      let scale = 1 / (255 * normalization.std[channel])
      let offset = -normalization.mean[channel] / normalization.std[channel]
      for i in (channel * 1024)..<((channel + 1) * 1024) { target[i] = floats[i] * scale + offset }
    }
  }
}
