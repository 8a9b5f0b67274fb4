import CifarCore

/// Erases a rectangle of some images.
package struct RandomErasing: ImageAugmentation {
  package var probability = 0.5
  package var scale = [0.02, 0.33]
  package var ratio = [0.3, 3.3]

  package static let type = "random_erasing"
  package static let meaning =
    "torchvision's RandomErasing with value 0: a rectangle becomes 0 after normalisation"
  package static let options: [OptionDescription<Self>] = [
    .number("probability", \.probability, .from(0, to: 1), "that an image has a rectangle erased"),
    .pair("scale", \.scale, .from(0, to: 1), "its share of the image's area"),
    .pair("ratio", \.ratio, .from(0.01, to: 100), "its height by its width"),
  ]
  package static let stage = AugmentationStage.normalized

  package init() {}
  package init(
    probability: Double = 0.5, scale: [Double] = [0.02, 0.33], ratio: [Double] = [0.3, 3.3]
  ) {
    self.probability = probability
    self.scale = scale
    self.ratio = ratio
  }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    // Normalised first: also where nothing is erased, what follows works on numbers.
    let target = image.normalize()
    guard Double(random.uniform()) < probability else { return }
    ErasedRectangle.random(image.shape, scale: scale, ratio: ratio, &random)?
      .erase(target, image.shape)
  }
}
