/// The numbers of one step of stochastic gradient descent, the same for every parameter:
///
///     m = momentum·m + gradientFactor·g
///     d = momentum·m + gradientFactor·g with Nesterov's momentum, else m
///     w = w + stepFactor·d
///
/// The two dialects differ in where the learning rate goes: PyTorch has gradientFactor = 1 and
/// stepFactor = −rate; Keras has gradientFactor = −rate and stepFactor = 1.
public struct SGDStep: Sendable {
  public var momentum: Float
  public var isNesterov: Bool
  public var gradientFactor: Float
  public var stepFactor: Float

  public init(momentum: Float, isNesterov: Bool, gradientFactor: Float, stepFactor: Float) {
    self.momentum = momentum
    self.isNesterov = isNesterov
    self.gradientFactor = gradientFactor
    self.stepFactor = stepFactor
  }
}

/// The numbers of one step of Adam (Kingma & Ba 2015), the same for every parameter:
///
///     m = beta1·m + (1 − beta1)·g
///     v = beta2·v + (1 − beta2)·g²
///     w = w − rate · m / (√v · rootScale + epsilon)
///
/// The two dialects differ in where the bias corrections c1 = 1 − beta1ᵗ, c2 = 1 − beta2ᵗ go:
/// PyTorch has rate = lr/c1 and rootScale = 1/√c2; Keras has rate = lr·√c2/c1 and rootScale = 1.
public struct AdamStep: Sendable {
  public var beta1: Float
  public var beta2: Float
  public var rate: Float
  public var rootScale: Float
  public var epsilon: Float

  public init(beta1: Float, beta2: Float, rate: Float, rootScale: Float, epsilon: Float) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.rate = rate
    self.rootScale = rootScale
    self.epsilon = epsilon
  }
}
