import CifarCore

/// Shifts the image by whole pixels.
package struct RandomTranslation: ImageAugmentation {
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
    func shift(_ side: Int) -> Int {
      let reach = Float(share) * Float(side)
      return Int(random.uniform(-reach, reach).rounded(.toNearestOrEven))
    }
    let dx = shift(image.shape.width)
    let dy = shift(image.shape.height)
    let transforms = ByteTransforms(image.shape)
    image.change { transforms.translate($0, dx: dx, dy: dy, to: $1) }
  }
}
