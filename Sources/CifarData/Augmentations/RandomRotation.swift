import CifarCore

/// Turns the image about its centre.
package struct RandomRotation: ImageAugmentation {
  package var degrees = 0.0

  package static let type = "random_rotation"
  package static let meaning = "torchvision's RandomRotation: nearest pixel, black outside"
  package static let options: [OptionDescription<Self>] = [
    .number("degrees", \.degrees, .from(0, to: 180), isRequired: true, "the largest angle, ±")
  ]

  package init() {}
  package init(degrees: Double) { self.degrees = degrees }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    let angle = Double(random.uniform(Float(-degrees), Float(degrees)))
    let transforms = ByteTransforms(image.shape)
    image.change { transforms.rotate($0, degrees: angle, to: $1) }
  }
}
