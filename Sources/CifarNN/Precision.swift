import Kernels

/// In what precision a network is trained.
public enum Precision: String, Codable, CaseIterable, Sendable {
  case float32
  /// The images between two layers are kept as bfloat16, from the forward to the backward pass.
  /// Arithmetic, weights, statistics, gradients and the values of dense layers are float32. Named as
  /// Keras's policy.
  case mixedBFloat16 = "mixed_bfloat16"

  /// How activations are kept.
  var storage: Storage { self == .float32 ? .float32 : .bfloat16 }
}
