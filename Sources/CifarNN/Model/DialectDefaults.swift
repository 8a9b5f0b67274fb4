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

extension ModelSpec {
  /// The model with every option of its layers spelled out.
  public func resolved(for dialect: Dialect) -> ModelSpec {
    ModelSpec(input: input, layers: layers.map { $0.resolved(for: dialect) })
  }
}
