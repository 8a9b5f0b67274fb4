import CifarCore

/// Several changes of any kind, one after the other, all of one strength.
///
/// Source: Cubuk, Zoph, Shlens, Le 2019, "RandAugment: Practical automated data augmentation with a
/// reduced search space".
package struct RandAugment: ImageAugmentation {
  package var operations = 2
  package var magnitude = 9
  package var bins = 31
  package var fill = 0

  package static let type = "rand_augment"
  package static let meaning =
    "torchvision's RandAugment on tensors: some of the changes of trivial_augment_wide, one after the "
    + "other, at one strength of a smaller range"
  package static let options: [OptionDescription<Self>] = [
    .whole("num_ops", \.operations, 0...100, "changes of an image"),
    .whole("magnitude", \.magnitude, 0...999, "their strength, below num_magnitude_bins"),
    .whole("num_magnitude_bins", \.bins, 2...1000, "strengths that there are"),
    .whole("fill", \.fill, 0...255, "value of pixels that come in from outside"),
  ]

  package init() {}
  package init(operations: Int = 2, magnitude: Int = 9, bins: Int = 31, fill: Int = 0) {
    self.operations = operations
    self.magnitude = magnitude
    self.bins = bins
    self.fill = fill
  }

  package var conflict: String? {
    magnitude < bins
      ? nil : "magnitude \(magnitude) is not below the \(bins) of num_magnitude_bins"
  }

  func draw(for shape: ImageShape, _ random: inout RandomSequence) -> AutoAugmentOperation {
    .draw(in: .narrow(shape), bins: bins, &random) { _ in magnitude }
  }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    let (shape, fill) = (image.shape, UInt8(fill))
    for _ in 0..<operations {
      let operation = draw(for: shape, &random)
      image.change { operation.apply(shape, fill: fill, $0, to: $1) }
    }
  }
}
