import CifarCore
import CifarNN

/// What is made small: the cross-entropy of the logits, its mean or its sum over a batch.
///
/// Stored hyperparameters may also have `clipping`, bounds of the probabilities that Keras has on its
/// other backends. It is passed over: such a run continues with the loss of the logits, which is the
/// same as long as no label's probability is below 1e-7.
public struct LossSpec: DescribedOptions {
  public var labelSmoothing = 0.0
  /// In the order of the classes; nil where all weigh 1.
  public var classWeight: [Double]?
  public var reduction = LossOptions.Reduction.mean

  public static let options: [OptionDescription<Self>] = [
    .number(
      "label_smoothing", \.labelSmoothing, .from(0, below: 1),
      "share of a label's weight given to all classes alike"),
    .optional(
      OptionRow(
        "class_weight", .list, "a number from 0 to 1e6 a class, not all 0",
        "what each class's images count in training: their losses are multiplied by it; the mean is "
          + "over the images in keras, over the weights in pytorch. Validation counts all alike"),
      \.classWeight
    ) { weights in
      let isLegal = weights.allSatisfy { (0...1e6).contains($0) } && weights.contains { $0 > 0 }
      guard isLegal else {
        return "\(weights) are not numbers from 0 to 1e6 of which one is above 0"
      }
      return weights.lazy.compactMap(NumberRange.float32Fault).first.map {
        "has a weight that can't be: \($0)"
      }
    },
    .word(
      "reduction", \.reduction,
      "whether gradients are those of the mean over a batch or of the sum; what is shown is the mean"
    ),
  ]

  public init() {}
  public init(labelSmoothing: Double) { self.labelSmoothing = labelSmoothing }

  /// - Parameter dialect: whose mean is taken.
  public func lossOptions(in dialect: Dialect) -> LossOptions {
    LossOptions(
      labelSmoothing: Float(labelSmoothing),
      weights: LossWeights(
        ofClasses: classWeight?.map { Float($0) }, dividesBySum: dialect == .pytorch),
      reduction: reduction)
  }

  func validate(classes: Int) throws {
    guard let classWeight, classWeight.count != classes else { return }
    throw CifarError(
      .shapeMismatch,
      "loss.class_weight has \(classWeight.count) numbers for \(classes) classes; it needs one each"
    )
  }
}
