import CifarCore
import Kernels

/// In what precision a network is trained, or answers.
public enum Precision: String, Codable, CaseIterable, Sendable {
  case float32
  /// The images between two layers are kept as bfloat16, from the forward to the backward pass, and
  /// convolutions and dense layers multiply numbers of 16 bits. Sums, weights, statistics,
  /// gradients, the values of dense layers and all other arithmetic are float32. Named as Keras's
  /// policy.
  ///
  /// The products take int16 with a scale an image (`Int16Products`). What that costs in accuracy is
  /// less than what bfloat16 images cost.
  ///
  /// Batch norm's mean and variance are those of the images as they are kept. Eight binary digits
  /// cannot tell values apart that differ by less than 1/256 of their size: where the mean is more
  /// than about a hundred deviations, the variance is in good part that of the rounding, as it is
  /// under PyTorch's autocast.
  case mixedBFloat16 = "mixed_bfloat16"
  /// Inference of a quantized model, and of no other: see `Quantizer`.
  case int8

  /// What a network can be trained in.
  public static let ofTraining: [Precision] = [.float32, .mixedBFloat16]

  /// - Throws: `invalidArgument`, with the names that there are.
  public init(named name: String) throws {
    guard let precision = Precision(rawValue: name) else {
      throw CifarError(
        .invalidArgument,
        "precision '\(name.excerpt)' is none of "
          + Precision.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self = precision
  }

  /// How activations are kept.
  var storage: Storage { self == .mixedBFloat16 ? .bfloat16 : .float32 }

  /// What the products multiply.
  var products: Products { self == .float32 ? .float32 : .int16 }

  /// - Throws: `unsupported` where such a model is not computed in it.
  func check(for spec: ModelSpec) throws {
    switch self {
    case .float32: return
    case .mixedBFloat16:
      guard spec.isQuantized else { return }
      throw CifarError(
        .unsupported, "the model is quantized: it is computed in int8, or in float32 to compare")
    case .int8:
      if spec.isQuantized { return }
      throw CifarError(
        .unsupported,
        "the model is not quantized, so it is not computed in int8: quantize it first, which takes "
          + "some training images")
    }
  }
}

extension PlanMode {
  init(training: Bool, _ precision: Precision) {
    self = training ? .training : precision == .int8 ? .quantized : .inference
  }
}
