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

  init(normalization: Normalization, augmentations: [Augmentation], seed: UInt64) throws {
    self.augmentations = augmentations
    self.normalization = normalization
    self.seed = seed
    normalizer = ImageNormalizer(normalization)
    bytes = try (0..<2).map { _ in try AlignedBuffer(count: Dataset.imageBytes) }
    floats = try AlignedBuffer(count: Dataset.imageBytes)
  }

  /// An image on its way: where it lies, and whether as bytes or, after Keras's generator, as
  /// numbers with fractions.
  private struct Place {
    var image: UnsafePointer<UInt8>
    var spare = 0
    var isFractional = false
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
    var place = Place(image: image)
    var isNormalized = false
    for augmentation in augmentations {
      if augmentation.erases, !isNormalized {
        normalize(place, to: target)
        isNormalized = true
      }
      switch augmentation {
      case .randomHorizontalFlip(let probability):
        guard Double(random.uniform()) < probability else { continue }
        apply(&place) { ByteTransforms.flip($0, to: $1) }
      case .randomRotation(let degrees):
        let angle = Double(random.uniform(Float(-degrees), Float(degrees)))
        apply(&place) { ByteTransforms.rotate($0, degrees: angle, to: $1) }
      case .randomTranslation(let share):
        let reach = Float(share) * 32
        let dx = Int(random.uniform(-reach, reach).rounded(.toNearestOrEven))
        let dy = Int(random.uniform(-reach, reach).rounded(.toNearestOrEven))
        apply(&place) { ByteTransforms.translate($0, dx: dx, dy: dy, to: $1) }
      case .randomCrop(let padding, let reflect):
        let dx = padding - random.below(2 * padding + 1)
        let dy = padding - random.below(2 * padding + 1)
        apply(&place) {
          reflect
            ? ByteTransforms.translateReflecting($0, dx: dx, dy: dy, to: $1)
            : ByteTransforms.translate($0, dx: dx, dy: dy, to: $1)
        }
      case .colorJitter(let brightness, let contrast, let saturation, let hue):
        let jitter = ColorJitter(brightness, contrast, saturation, hue, &random)
        for change in jitter.changes { apply(&place) { change.apply($0, to: $1) } }
      case .imageDataGenerator: generate(augmentation, &place, &random)
      case .cutout(let size): ErasedRectangle.cutout(size: size, &random).erase(target)
      case .randomErasing(let probability, let scale, let ratio):
        guard Double(random.uniform()) < probability else { continue }
        ErasedRectangle.random(scale: scale, ratio: ratio, &random)?.erase(target)
      }
    }
    if !isNormalized { normalize(place, to: target) }
  }

  private func apply(
    _ place: inout Place,
    _ change: (UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Void
  ) {
    if place.isFractional { toBytes(&place, .toNearestOrAwayFromZero) }
    let next = bytes[place.spare].pointer
    change(place.image, next)
    place.image = UnsafePointer(next)
    place.spare = 1 - place.spare
  }

  private func generate(
    _ options: Augmentation, _ place: inout Place, _ random: inout RandomSequence
  ) {
    guard
      case .imageDataGenerator(let rotation, let width, let height, let flip, let zoom, let light) =
        options
    else { return }
    if place.isFractional { toBytes(&place, .toNearestOrAwayFromZero) }
    var transform = GeneratorTransform(
      theta: Double(random.uniform(Float(-rotation), Float(rotation))),
      tx: Double(random.uniform(Float(-height), Float(height)) * 32),
      ty: Double(random.uniform(Float(-width), Float(width)) * 32),
      flip: flip && random.uniform() < 0.5)
    if zoom != [1, 1] {
      transform.zx = Double(random.uniform(Float(zoom[0]), Float(zoom[1])))
      transform.zy = Double(random.uniform(Float(zoom[0]), Float(zoom[1])))
    }
    transform.apply(place.image, to: floats.pointer)
    // Keras keeps the fractions; what follows here, if anything does, works on bytes.
    place.isFractional = true
    guard let light else { return }
    // `array_to_img` cuts the fractions off.
    toBytes(&place, .towardZero)
    let factor = random.uniform(Float(light[0]), Float(light[1]))
    apply(&place) { ColorTransforms.brightness($0, factor: factor, to: $1) }
  }

  private func toBytes(_ place: inout Place, _ rule: FloatingPointRoundingRule) {
    let next = bytes[place.spare].pointer
    for i in 0..<Dataset.imageBytes { next[i] = UInt8(floats[i].rounded(rule)) }
    place = Place(image: UnsafePointer(next), spare: 1 - place.spare)
  }

  private func normalize(_ place: Place, to target: UnsafeMutablePointer<Float>) {
    guard place.isFractional else { return normalizer.run(place.image, to: target) }
    for channel in 0..<3 {
      let scale = 1 / (255 * normalization.std[channel])
      let offset = -normalization.mean[channel] / normalization.std[channel]
      for i in (channel * 1024)..<((channel + 1) * 1024) { target[i] = floats[i] * scale + offset }
    }
  }
}
