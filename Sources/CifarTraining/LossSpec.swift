import CifarCore
import CifarNN

/// What is made small: the mean cross-entropy of the logits.
///
/// Stored hyperparameters may also have `clipping`, bounds of the probabilities that Keras has on its
/// other backends. It is passed over: such a run continues with the loss of the logits, which is the
/// same as long as no label's probability is below 1e-7.
public struct LossSpec: DescribedOptions {
  public var labelSmoothing = 0.0

  public static let options: [OptionDescription<Self>] = [
    .number(
      "label_smoothing", \.labelSmoothing, .from(0, below: 1),
      "share of a label's weight given to all classes alike")
  ]

  public init() {}
  public init(labelSmoothing: Double) { self.labelSmoothing = labelSmoothing }

  public var lossOptions: LossOptions { LossOptions(labelSmoothing: Float(labelSmoothing)) }
}
