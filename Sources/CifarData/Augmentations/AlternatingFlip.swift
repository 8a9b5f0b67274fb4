import CifarCore

/// Exchanges left and right: of half of the images in the first epoch, of the other half in the next,
/// and so on, so that two epochs show each image in both ways.
///
/// Source: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.6.
package struct AlternatingFlip: ImageAugmentation {
  package static let type = "alternating_flip"
  package static let meaning =
    "airbench's: at random in the first epoch, then each image turned over every epoch"
  package static let options: [OptionDescription<Self>] = []

  package init() {}

  package func apply(to image: AugmentedImage, _: inout RandomSequence) {
    let place = image.place
    var random = RandomSequence(
      seed: place.seed, purpose: .alternation, minor: UInt32(place.sample))
    let isFirst = random.nextWord() & 1 == 1
    guard isFirst != (place.epoch % 2 == 0) else { return }
    let transforms = ByteTransforms(image.shape)
    image.change { transforms.flip($0, to: $1) }
  }
}
