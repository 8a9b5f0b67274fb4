import CifarCore

/// What a tensor of a checkpoint is for, told by its name.
public enum TensorRole: String, CaseIterable, Sendable {
  /// What the model computes with, under PyTorch's `state_dict` name.
  case model = ""
  /// The optimizer's moments, and the trained weights where an average stands in their place.
  case optimizer = "optimizer."
  /// The best weights so far.
  case best = "best."

  public var prefix: String { rawValue }

  public init(of name: String) {
    self =
      [.optimizer, .best].first { (role: TensorRole) in name.hasPrefix(role.prefix) } ?? .model
  }
}

extension Tensor {
  public var role: TensorRole { TensorRole(of: name) }

  /// Whether its numbers are means of squares, which are never negative: running variances, and the
  /// second moments of Adam.
  public var isMeanOfSquares: Bool {
    name.hasSuffix(".running_var") || name.hasPrefix("optimizer.exp_avg_sq.")
  }

  /// The first of its numbers that nothing can be computed with, NaN, an infinity or a negative
  /// variance, as a sentence; nil where there is none.
  public var fault: String? {
    let place = values.firstIndex { !$0.isFinite || isMeanOfSquares && $0 < 0 }
    guard let place else { return nil }
    // The NaN of x86 has its sign set, and would be "-nan".
    let value = values[place].isNaN ? .nan : values[place]
    return "tensor '\(name.excerpt)' has \(value) at \(index(of: place)), not a finite number"
      + (isMeanOfSquares ? " of 0 or above" : "")
  }

  /// The same numbers under the name that they have in another role.
  public func named(as other: TensorRole) -> Tensor {
    Tensor(
      name: other.prefix + name.dropFirst(role.prefix.count), shape: shape, values: values)
  }
}
