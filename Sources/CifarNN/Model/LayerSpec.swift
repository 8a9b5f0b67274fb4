/// One layer of a model as a person would write it down.
///
/// In JSON a layer is an object whose `type` names it and whose other keys are its options; see
/// `LayerSpec+Codable.swift`. Options that are nil are the dialect's: see `resolved(for:)`.
public enum LayerSpec: Equatable, Sendable {
  /// Convolution, with a bias unless `bias` is false.
  ///
  /// The weights of a `quantized` layer are int8 times a scale for each output channel, which is the
  /// tensor `weight_scale`.
  case conv2d(
    filters: Int, kernelSize: Int = 3, stride: Int = 1, padding: Padding? = nil, bias: Bool = true,
    initializer: Initializer? = nil, trainable: Bool = true, quantized: Bool = false)
  /// Normalises each channel, or each value of a row, over the batch: y = γ·(x − mean)/√(var + ε) + β.
  ///
  /// `momentum` is the weight of the new value in the running statistics, as PyTorch counts it:
  /// Keras's 0.99 is 0.01 here. `unbiased` keeps the running variance with n − 1 (PyTorch) and not
  /// with n (Keras). Without `scale`, γ is 1 and not trained. One that is not `trainable` takes the
  /// running mean and variance in training too, and leaves them as they are, as in Keras.
  case batchNorm(
    momentum: Double? = nil, epsilon: Double? = nil, unbiased: Bool? = nil, scale: Bool = true,
    trainable: Bool = true)
  /// max(x, 0)
  case relu
  /// x·Φ(x), where Φ is the standard normal distribution.
  case gelu
  /// The maximum of every square of `size` rows and columns; those that the last lacks are left out.
  case maxPool(size: Int = 2)
  /// The mean of every 2×2 square; an odd last row or column is left out.
  case avgPool
  /// The mean of each channel: (C, H, W) to (C).
  case globalAveragePool
  /// The maximum of each channel: (C, H, W) to (C).
  case globalMaxPool
  /// y = factor·x
  case scale(factor: Double)
  /// Sets a share of `rate` of the values to 0 while training and divides the others by 1 − rate.
  case dropout(rate: Double)
  /// (C, H, W) to C·H·W, channels slowest.
  case flatten
  /// y = W·x + b, without b if `bias` is false; `quantized` as of a convolution.
  case dense(units: Int, bias: Bool = true, trainable: Bool = true, quantized: Bool = false)
  /// y = scale·q, where q = x/scale rounded to nearest, ties to even, and kept within the range of
  /// `dtype`: ONNX's QuantizeLinear and DequantizeLinear with zero point 0. It is for inference.
  case quantize(scale: Double, dtype: IntegerType = .uint8)
  /// y = layers(x) + shortcut(x), He et al. 2015, "Deep Residual Learning for Image Recognition".
  /// A shortcut without layers is x itself.
  case residual(layers: [LayerSpec], shortcut: [LayerSpec] = [])

  /// Zeros around the input of a convolution.
  public enum Padding: String, Codable, CaseIterable, Sendable {
    /// ⌊k/2⌋ on every side, as PyTorch's `padding=k//2`; with an even k, one less before the image.
    case same
    /// None.
    case valid
    /// As many as make the output ⌈n/stride⌉ wide, an odd one at the end: Keras's `same`, ONNX's
    /// SAME_UPPER. With stride 1 it is `same`.
    case sameUpper = "same_upper"

    /// Zeros before and after `size` inputs.
    public func amounts(size: Int, kernel: Int, stride: Int) -> (before: Int, after: Int) {
      switch self {
      case .same: return ((kernel - 1) / 2, kernel / 2)
      case .valid: return (0, 0)
      case .sameUpper:
        let total = max(0, ((size + stride - 1) / stride - 1) * stride + kernel - size)
        return (total / 2, total - total / 2)
      }
    }
  }

  /// What `quantize` makes of a number.
  public enum IntegerType: String, Codable, CaseIterable, Sendable {
    case uint8, int8

    public var range: ClosedRange<Int> { self == .uint8 ? 0...255 : -128...127 }
  }

  /// What there is to say of it: see `Layers`.
  var description: LayerDescription {
    switch self {
    case .conv2d(
      let filters, let kernelSize, let stride, let padding, let bias, let initializer,
      let trainable, let quantized):
      .conv2d(filters, kernelSize, stride, padding, bias, initializer, trainable, quantized)
    case .batchNorm(let momentum, let epsilon, let unbiased, let scale, let trainable):
      .batchNorm(momentum, epsilon, unbiased, scale, trainable)
    case .relu: .relu
    case .gelu: .gelu
    case .maxPool(let size): .maxPool(size)
    case .avgPool: .avgPool
    case .globalAveragePool: .globalAveragePool
    case .globalMaxPool: .globalMaxPool
    case .scale(let factor): .scale(factor)
    case .dropout(let rate): .dropout(rate)
    case .flatten: .flatten
    case .dense(let units, let bias, let trainable, let quantized):
      .dense(units, bias, trainable, quantized)
    case .quantize(let scale, let dtype): .quantize(scale, dtype)
    case .residual(let layers, let shortcut): .residual(layers, shortcut)
    }
  }

  /// Whether training moves its parameters.
  var isTrainable: Bool {
    switch self {
    case .conv2d(_, _, _, _, _, _, let trainable, _), .batchNorm(_, _, _, _, let trainable),
      .dense(_, _, let trainable, _):
      trainable
    default: true
    }
  }

  /// Whether its weights are int8, or its output is of as few values: what nothing can train.
  public var isQuantized: Bool {
    switch self {
    case .conv2d(_, _, _, _, _, _, _, let quantized), .dense(_, _, _, let quantized): quantized
    case .quantize: true
    default: false
    }
  }

  /// All kinds of layers, in the order of the cases.
  static let decoders: [LayerDecoder] = [
    .conv2d, .batchNorm, .relu, .gelu, .maxPool, .avgPool, .globalAveragePool, .globalMaxPool,
    .scale, .dropout, .flatten, .dense, .quantize, .residual,
  ]

  /// What `type` is in JSON, and what errors call the layer.
  public var type: String { description.type }

  /// The types that there are, in the order of the cases.
  public static let types = decoders.map { $0.types[0] }

  /// The layer with every option spelled out, those inside a residual block included.
  public func resolved(for dialect: Dialect) -> LayerSpec {
    description.resolved?(dialect) ?? self
  }
}
