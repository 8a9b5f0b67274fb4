import CifarCore

/// Pastes a rectangle of one image into another, and mixes their labels by its area.
///
/// Source: Yun, Han, Oh, Chun, Choe, Yoo 2019, "CutMix: Regularization Strategy to Train Strong
/// Classifiers with Localizable Features".
package struct Cutmix: BatchAugmentation {
  package var alpha = 1.0
  package var probability = 1.0

  package static let type = "cutmix"
  package static let meaning =
    "torchvision's CutMix: a rectangle, the same for each image of a batch, comes from the image "
    + "before it in the batch; the loss is that of both labels, each by the share of its pixels, and "
    + "in training accuracy counts the one that weighs more"
  package static let options: [OptionDescription<Self>] = [
    .number(
      "alpha", \.alpha, .above(0, to: 1000),
      "the share that stays is drawn from Beta(alpha, alpha), before the rectangle is cut off at the "
        + "edges"),
    .number("probability", \.probability, .from(0, to: 1), "that a batch is mixed"),
  ]

  package init() {}
  package init(alpha: Double, probability: Double = 1) {
    self.alpha = alpha
    self.probability = probability
  }

  package func draw(for shape: ImageShape, _ random: inout RandomSequence) -> ImageMix? {
    guard Double(random.uniform()) < probability else { return nil }
    let share = random.symmetricBeta(alpha)
    let x = random.below(shape.width)
    return .pasted(shape, share: share, x: x, y: random.below(shape.height))
  }
}
