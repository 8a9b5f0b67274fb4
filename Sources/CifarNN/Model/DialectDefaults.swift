/// What PyTorch and Keras mean by a layer whose options are left out.
extension Dialect {
  /// The weight of the new value in a batch normalisation's running statistics. Keras's 0.99 is that
  /// of the old one.
  public var batchNormMomentum: Double { self == .keras ? 0.01 : 0.1 }
  public var batchNormEpsilon: Double { self == .keras ? 1e-3 : 1e-5 }
  /// Whether the running variance is that of n − 1.
  public var batchNormUnbiased: Bool { self == .pytorch }

  /// Zeros that leave an image its size, or 1/stride of it. Where nothing is skipped both dialects
  /// have the same.
  func padding(stride: Int) -> LayerSpec.Padding {
    self == .keras && stride > 1 ? .sameUpper : .same
  }
}

extension LayerSpec {
  /// The layer with every option spelled out, those inside a residual block included.
  public func resolved(for dialect: Dialect) -> LayerSpec {
    switch self {
    case .conv2d(let filters, let kernelSize, let stride, let padding):
      .conv2d(
        filters: filters, kernelSize: kernelSize, stride: stride,
        padding: padding ?? dialect.padding(stride: stride))
    case .batchNorm(let momentum, let epsilon, let unbiased):
      .batchNorm(
        momentum: momentum ?? dialect.batchNormMomentum,
        epsilon: epsilon ?? dialect.batchNormEpsilon,
        unbiased: unbiased ?? dialect.batchNormUnbiased)
    case .residual(let layers, let shortcut):
      .residual(
        layers: layers.map { $0.resolved(for: dialect) },
        shortcut: shortcut.map { $0.resolved(for: dialect) })
    case .relu, .maxPool, .avgPool, .globalAveragePool, .dropout, .flatten, .dense: self
    }
  }
}

extension ModelSpec {
  /// The model with every option of its layers spelled out.
  public func resolved(for dialect: Dialect) -> ModelSpec {
    ModelSpec(input: input, layers: layers.map { $0.resolved(for: dialect) })
  }
}
