import CifarCore

/// Shifts the image by whole pixels.
package struct RandomTranslation: AugmentationKind {
  package var share = 0.0

  package static let type = "random_translation"
  package static let meaning =
    "torchvision's RandomAffine(0, translate): by whole pixels, black outside"
  package static let options: [OptionDescription<Self>] = [
    .number(
      "share", \.share, .from(0, to: 1), isRequired: true,
      "the largest shift in each direction, as a share of the side")
  ]

  package init() {}
  package init(share: Double) { self.share = share }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    let reach = Float(share) * 32
    let dx = Int(random.uniform(-reach, reach).rounded(.toNearestOrEven))
    let dy = Int(random.uniform(-reach, reach).rounded(.toNearestOrEven))
    image.change { ByteTransforms.translate($0, dx: dx, dy: dy, to: $1) }
  }
}
