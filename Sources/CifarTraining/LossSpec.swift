import CifarCore
import CifarNN

/// What is made small: the mean cross-entropy of the logits.
public struct LossSpec: Equatable, Sendable {
  /// The share of a label's weight that goes to all classes alike, in [0, 1).
  public var labelSmoothing: Double

  public init(labelSmoothing: Double = 0) { self.labelSmoothing = labelSmoothing }

  public var options: LossOptions { LossOptions(labelSmoothing: Float(labelSmoothing)) }

  func validate() throws {
    guard (0..<1).contains(labelSmoothing) else {
      throw CifarError(
        .invalidArgument, "label_smoothing \(labelSmoothing) is not in [0, 1)")
    }
  }
}

extension LossSpec: Codable {
  enum CodingKeys: String, CodingKey { case labelSmoothing = "label_smoothing" }

  /// Stored hyperparameters may also have `clipping`, bounds of the probabilities that Keras has on
  /// its other backends. It is passed over: such a run continues with the loss of the logits, which is
  /// the same as long as no label's probability is below 1e-7.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    labelSmoothing = try values.decodeIfPresent(Double.self, forKey: .labelSmoothing) ?? 0
  }
}
