import CifarCore
import CifarNN

/// What is made small: the mean cross-entropy, and how exactly it is computed.
public struct LossSpec: Equatable, Sendable {
  /// The share of a label's weight that goes to all classes alike, in [0, 1).
  public var labelSmoothing: Double
  /// Keras clips probabilities to [1e-7, 1 − 1e-7] before it takes their logarithm; nil computes it
  /// from the logits, as PyTorch does.
  public var clipping: Double?

  public init(labelSmoothing: Double = 0, clipping: Double? = nil) {
    self.labelSmoothing = labelSmoothing
    self.clipping = clipping
  }

  /// Keras's `backend.epsilon()`.
  public static let kerasEpsilon = 1e-7

  public var options: LossOptions {
    LossOptions(labelSmoothing: Float(labelSmoothing), clipping: clipping.map { Float($0) })
  }

  func validate() throws {
    guard (0..<1).contains(labelSmoothing) else {
      throw CifarError(
        .invalidArgument, "label_smoothing \(labelSmoothing) is not in [0, 1)")
    }
    if let clipping, !(clipping > 0 && clipping < 0.5) {
      throw CifarError(.invalidArgument, "the loss's clipping \(clipping) is not in (0, 0.5)")
    }
  }
}

extension LossSpec: Codable {
  enum CodingKeys: String, CodingKey {
    case clipping
    case labelSmoothing = "label_smoothing"
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    labelSmoothing = try values.decodeIfPresent(Double.self, forKey: .labelSmoothing) ?? 0
    clipping = try values.decodeIfPresent(Double.self, forKey: .clipping)
  }
}
