import CifarCore

/// Blends images, and their labels, in pairs.
///
/// Source: Zhang, Cisse, Dauphin, Lopez-Paz 2018, "mixup: Beyond Empirical Risk Minimization".
package struct Mixup: BatchAugmentation {
  package var alpha = 1.0
  package var probability = 1.0

  package static let type = "mixup"
  package static let meaning =
    "torchvision's MixUp: λ·image + (1 − λ)·the one before it in the batch, with a λ for each batch; "
    + "the loss is λ times that of its label and 1 − λ times that of the other's, each with its "
    + "weights, and in training accuracy counts the one that weighs more. Of this and cutmix together, one is drawn for each "
    + "batch"
  package static let options: [OptionDescription<Self>] = [
    .number(
      "alpha", \.alpha, .above(0, to: 1000),
      "λ is drawn from Beta(alpha, alpha): 1 is any λ alike, smaller ones are nearer to 0 and 1"),
    .number("probability", \.probability, .from(0, to: 1), "that a batch is mixed"),
  ]

  package init() {}
  package init(alpha: Double, probability: Double = 1) {
    self.alpha = alpha
    self.probability = probability
  }

  package func draw(for shape: ImageShape, _ random: inout RandomSequence) -> ImageMix? {
    guard Double(random.uniform()) < probability else { return nil }
    return .blend(share: random.symmetricBeta(alpha))
  }
}
