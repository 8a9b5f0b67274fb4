/// One layer of a model as a person would write it down.
///
/// In JSON a layer is an object whose `type` names it and whose other keys are its options, for
/// example `{"type": "conv2d", "filters": 32, "kernel_size": 3}`. Options that are left out have
/// the defaults of the cases below.
public enum LayerSpec: Equatable, Sendable {
  /// Convolution with bias. `padding` is `same` (zeros all around, ⌊k/2⌋ of them) or `valid`.
  case conv2d(filters: Int, kernelSize: Int = 3, stride: Int = 1, padding: Padding = .same)
  /// Normalises each channel over the batch: y = γ·(x − mean)/√(var + ε) + β.
  ///
  /// `momentum` is the weight of the new value in the running statistics, as PyTorch counts it:
  /// Keras's 0.99 is 0.01 here. `unbiased` keeps the running variance with n − 1 (PyTorch) and not
  /// with n (Keras).
  case batchNorm(momentum: Double = 0.1, epsilon: Double = 1e-5, unbiased: Bool = true)
  /// max(x, 0)
  case relu
  /// The maximum of every 2×2 square; an odd last row or column is left out.
  case maxPool2d
  /// Sets a share of `rate` of the values to 0 while training and divides the others by 1 − rate.
  case dropout(rate: Double)
  /// (C, H, W) to C·H·W, channels slowest.
  case flatten
  /// y = W·x + b
  case dense(units: Int)

  public enum Padding: String, Codable, Sendable {
    case same
    case valid
  }

  /// What `type` is in JSON, and what errors call the layer.
  public var type: String {
    switch self {
    case .conv2d: "conv2d"
    case .batchNorm: "batch_norm"
    case .relu: "relu"
    case .maxPool2d: "max_pool2d"
    case .dropout: "dropout"
    case .flatten: "flatten"
    case .dense: "dense"
    }
  }
}

extension LayerSpec: Codable {
  private enum Key: String, CodingKey {
    case type, filters, stride, padding, momentum, epsilon, unbiased, rate, units
    case kernelSize = "kernel_size"
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let type = try values.decode(String.self, forKey: .type)
    switch type {
    case "conv2d":
      self = .conv2d(
        filters: try values.decode(Int.self, forKey: .filters),
        kernelSize: try values.decodeIfPresent(Int.self, forKey: .kernelSize) ?? 3,
        stride: try values.decodeIfPresent(Int.self, forKey: .stride) ?? 1,
        padding: try values.decodeIfPresent(Padding.self, forKey: .padding) ?? .same)
    case "batch_norm":
      self = .batchNorm(
        momentum: try values.decodeIfPresent(Double.self, forKey: .momentum) ?? 0.1,
        epsilon: try values.decodeIfPresent(Double.self, forKey: .epsilon) ?? 1e-5,
        unbiased: try values.decodeIfPresent(Bool.self, forKey: .unbiased) ?? true)
    case "relu": self = .relu
    case "max_pool2d": self = .maxPool2d
    case "dropout": self = .dropout(rate: try values.decode(Double.self, forKey: .rate))
    case "flatten": self = .flatten
    case "dense": self = .dense(units: try values.decode(Int.self, forKey: .units))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: values,
        debugDescription: "unknown layer type '\(type)'; use conv2d, batch_norm, relu, "
          + "max_pool2d, dropout, flatten or dense")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(type, forKey: .type)
    switch self {
    case .conv2d(let filters, let kernelSize, let stride, let padding):
      try values.encode(filters, forKey: .filters)
      try values.encode(kernelSize, forKey: .kernelSize)
      try values.encode(stride, forKey: .stride)
      try values.encode(padding, forKey: .padding)
    case .batchNorm(let momentum, let epsilon, let unbiased):
      try values.encode(momentum, forKey: .momentum)
      try values.encode(epsilon, forKey: .epsilon)
      try values.encode(unbiased, forKey: .unbiased)
    case .dropout(let rate): try values.encode(rate, forKey: .rate)
    case .dense(let units): try values.encode(units, forKey: .units)
    case .relu, .maxPool2d, .flatten: break
    }
  }
}
