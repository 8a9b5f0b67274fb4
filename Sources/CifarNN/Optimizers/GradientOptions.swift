/// How gradients that are too large are made smaller.
public enum GradientClipping: Equatable, Sendable {
  case none
  /// All by the same factor, so that their Euclidean norm together is at most this.
  case norm(Double)
  /// Those of each parameter by a factor of their own, so that their norm is at most this.
  case variableNorm(Double)
  /// Each number into ± this.
  case value(Double)
}

/// What is done to gradients and weights before the optimizer's own formula.
public struct GradientOptions: Equatable, Sendable {
  public var clipping: GradientClipping
  public var weightDecay: Double
  /// Where the decay goes: w = w − learning rate · decay · w, as AdamW and every optimizer of Keras
  /// have it; or, if not, gradient = gradient + decay · w, the L2 penalty of PyTorch's SGD and Adam.
  public var isDecoupled: Bool

  public init(
    clipping: GradientClipping = .none, weightDecay: Double = 0, isDecoupled: Bool = false
  ) {
    self.clipping = clipping
    self.weightDecay = weightDecay
    self.isDecoupled = isDecoupled
  }
}
