import CifarCore

/// Shifts the image by a few whole pixels, as a crop out of a padded one does.
package struct RandomCrop: AugmentationKind {
  package var padding = 0
  package var reflect = false

  package static let type = "random_crop"
  package static let meaning = "torchvision's RandomCrop(32, padding)"
  package static let options: [OptionDescription<Self>] = [
    .whole("padding", \.padding, 0...32, isRequired: true, "pixels around the image"),
    .flag("reflect", \.reflect, "they are the mirrored image, else black"),
  ]

  package init() {}
  package init(padding: Int, reflect: Bool = false) {
    self.padding = padding
    self.reflect = reflect
  }

  /// A reflection reaches no further than the image does.
  package var conflict: String? {
    reflect && padding > 31 ? "padding \(padding) is not from 0 to 31, with reflect" : nil
  }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    let dx = padding - random.below(2 * padding + 1)
    let dy = padding - random.below(2 * padding + 1)
    image.change {
      reflect
        ? ByteTransforms.translateReflecting($0, dx: dx, dy: dy, to: $1)
        : ByteTransforms.translate($0, dx: dx, dy: dy, to: $1)
    }
  }
}
