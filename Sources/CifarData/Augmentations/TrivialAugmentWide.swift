import CifarCore

/// One change of any kind and any strength.
///
/// Source: Müller, Hutter 2021, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation".
package struct TrivialAugmentWide: ImageAugmentation {
  package var bins = 31
  package var fill = 0

  package static let type = "trivial_augment_wide"
  package static let meaning =
    "torchvision's TrivialAugmentWide on tensors: one of 14 changes at any strength (none, shears, "
    + "translations, rotation, brightness, color, contrast, sharpness, posterize, solarize, "
    + "autocontrast, equalize)"
  package static let options: [OptionDescription<Self>] = [
    .whole("num_magnitude_bins", \.bins, 2...1000, "strengths, each as likely as the others"),
    .whole("fill", \.fill, 0...255, "value of pixels that come in from outside"),
  ]

  package init() {}
  package init(bins: Int = 31, fill: Int = 0) {
    self.bins = bins
    self.fill = fill
  }

  func draw(_ random: inout RandomSequence) -> AutoAugmentOperation {
    .draw(in: .wide, bins: bins, &random) { $0.below(bins) }
  }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    let (shape, fill, operation) = (image.shape, UInt8(fill), draw(&random))
    image.change { operation.apply(shape, fill: fill, $0, to: $1) }
  }
}
