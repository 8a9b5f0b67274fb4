import CifarCore

/// Exchanges left and right.
package struct RandomHorizontalFlip: ImageAugmentation {
  package var probability = 0.5

  package static let type = "random_horizontal_flip"
  package static let meaning = "torchvision's RandomHorizontalFlip"
  package static let options: [OptionDescription<Self>] = [
    .number("probability", \.probability, .from(0, to: 1), "that an image is flipped")
  ]

  package init() {}
  package init(probability: Double) { self.probability = probability }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    guard Double(random.uniform()) < probability else { return }
    let transforms = ByteTransforms(image.shape)
    image.change { transforms.flip($0, to: $1) }
  }
}
