import CifarCore

/// Erases a square.
package struct Cutout: ImageAugmentation {
  package var size = 0

  package static let type = "cutout"
  package static let meaning =
    "Cutout (DeVries & Taylor 2017): a square around any pixel, as far as it is inside, becomes 0 "
    + "after normalisation"
  package static let options: [OptionDescription<Self>] = [
    .whole("size", \.size, 1...256, isRequired: true, "side of the square in pixels")
  ]
  package static let stage = AugmentationStage.normalized

  package init() {}
  package init(size: Int) { self.size = size }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    ErasedRectangle.cutout(image.shape, size: size, &random)
      .erase(image.normalize(), image.shape)
  }
}
