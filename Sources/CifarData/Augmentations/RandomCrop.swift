import CifarCore

/// Shifts the image by a few whole pixels, as a crop out of a padded one does.
package struct RandomCrop: ImageAugmentation {
  package var padding = 0
  package var reflect = false

  package static let type = "random_crop"
  package static let meaning = "torchvision's RandomCrop to the image's own size, with padding"
  package static let options: [OptionDescription<Self>] = [
    .whole("padding", \.padding, 0...128, isRequired: true, "pixels around the image"),
    .flag("reflect", \.reflect, "they are the mirrored image, else black"),
  ]

  package init() {}
  package init(padding: Int, reflect: Bool = false) {
    self.padding = padding
    self.reflect = reflect
  }

  /// A reflection reaches no further than the image does.
  package func conflict(with shape: ImageShape) -> String? {
    let most = min(shape.height, shape.width) - 1
    return reflect && padding > most
      ? "padding \(padding) is not from 0 to \(most), with reflect and images of \(shape)" : nil
  }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    let dx = padding - random.below(2 * padding + 1)
    let dy = padding - random.below(2 * padding + 1)
    let transforms = ByteTransforms(image.shape)
    image.change {
      reflect
        ? transforms.translateReflecting($0, dx: dx, dy: dy, to: $1)
        : transforms.translate($0, dx: dx, dy: dy, to: $1)
    }
  }
}
