import CheckpointFormat
import CifarCore
import CifarData
import CifarNN

/// Writes a model as an ONNX graph for inference, from bytes to probabilities.
///
/// The input, `images`, is (N, channels, height, width) of uint8 for any N; it is normalised in the graph by the
/// same operations in the same order as here, so that layers see the same numbers to the bit. The
/// output, `probabilities`, is (N, classes). Dropout is left out, as it does nothing in inference. A
/// quantized model has QuantizeLinear and DequantizeLinear where its `quantize` layers are, and
/// DequantizeLinear behind its weights of int8.
public struct ONNXGraph {
  private var model: ONNXModel
  private let tensors: [String: Tensor]
  private let keepsBatchNorm: Bool

  /// The bytes of a file.
  ///
  /// - Parameter keepsBatchNorm: whether a batch normalisation that follows a convolution or a dense
  ///   layer stays a node of its own; else it becomes part of that layer's weights.
  /// - Throws: `invalidArgument` or `shapeMismatch` for a spec that does not fit together;
  ///   `unsupported` for a model of more than 2 GiB; `outOfMemory`.
  public static func file(_ model: ExportedModel, keepsBatchNorm: Bool) throws -> [UInt8] {
    var graph = ONNXGraph(model, keepsBatchNorm: keepsBatchNorm)
    let logits = try graph.add(model.spec.nodes(), after: graph.normalize(model.normalization))
    graph.node(
      "probabilities", "Softmax", [logits], [("axis", .integer(-1))])
    return try graph.model.encoded()
  }

  private init(_ model: ExportedModel, keepsBatchNorm: Bool) {
    self.keepsBatchNorm = keepsBatchNorm
    tensors = Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.name, $0) })
    self.model = ONNXModel(
      name: model.name,
      documentation: "images: bytes, (N, C, H, W), red first. probabilities: of the classes, (N, "
        + "\(model.spec.classes)).",
      input: .init(name: "images", type: .uint8, shape: [nil] + model.spec.input),
      output: .init(name: "probabilities", type: .float, shape: [nil, model.spec.classes]))
    self.model.metadata = [("class_names", PythonText.list(model.classNames))]
  }

  // MARK: Nodes

  /// - Returns: the name of what the node computes, which is its own.
  @discardableResult
  private mutating func node(
    _ name: String, _ operation: String, _ inputs: [String],
    _ attributes: [(name: String, value: ONNXModel.Attribute)] = []
  ) -> String {
    model.nodes.append(
      .init(name: name, operation: operation, inputs: inputs, attributes: attributes))
    return name
  }

  private mutating func constant(
    _ name: String, _ shape: [Int], _ values: [Float], _ type: ONNXModel.ElementType = .float
  ) -> String {
    model.initializers.append(.init(name: name, shape: shape, values: values, type: type))
    return name
  }

  /// (byte/255 − mean) / std, channel by channel.
  private mutating func normalize(_ normalization: Normalization) -> String {
    let bytes = node("bytes", "Cast", ["images"], [("to", .integer(1))])
    let shape = [normalization.mean.count, 1, 1]
    var last = node("unit", "Div", [bytes, constant("byte", [], [255])])
    if normalization.mean.contains(where: { $0 != 0 }) {
      last = node("centered", "Sub", [last, constant("mean", shape, normalization.mean)])
    }
    if normalization.std.contains(where: { $0 != 1 }) {
      last = node("normalized", "Div", [last, constant("std", shape, normalization.std)])
    }
    return last
  }

  private mutating func add(_ nodes: [LayerNode], after input: String) throws -> String {
    var value = input
    var rest = nodes[...]
    while let layer = rest.popFirst() {
      let name = "layer_" + layer.path.replacing(".", with: "_")
      // What passes numbers on as they are may as well be rounded before: runtimes look for integers
      // on both sides of such a layer, and behind the activation of a convolution.
      if layer.spec.passesOn, let (scale, dtype) = ONNXGraph.nextQuantization(rest) {
        value = quantize("\(name)_input", value, Float(scale), dtype)
      }
      switch layer.spec {
      case .conv2d, .dense:
        var folded: LayerNode?
        if !keepsBatchNorm, !layer.spec.isQuantized, case .batchNorm? = rest.first?.spec {
          folded = rest.popFirst()
        }
        value = try addWeighted(layer, folded, name, value)
      case .batchNorm(_, let epsilon, _, let scale, _):
        let channels = layer.input.channels
        let ones = [Float](repeating: 1, count: channels)
        var inputs = [
          try scale
            ? stored("\(layer.path).weight") : constant("\(layer.path).weight", [channels], ones)
        ]
        inputs += try ["bias", "running_mean", "running_var"].map {
          try stored("\(layer.path).\($0)")
        }
        let attribute = ONNXModel.Attribute.float(Float(try ONNXGraph.resolved(epsilon)))
        value = node(name, "BatchNormalization", [value] + inputs, [("epsilon", attribute)])
      case .relu: value = node(name, "Relu", [value])
      case .gelu: value = gelu(name, value)
      case .maxPool(let size): value = node(name, "MaxPool", [value], ONNXGraph.squares(size))
      case .avgPool: value = node(name, "AveragePool", [value], ONNXGraph.squares(2))
      case .globalAveragePool:
        value = node("\(name)_mean", "GlobalAveragePool", [value])
        value = node(name, "Flatten", [value])
      case .globalMaxPool:
        value = node("\(name)_maximum", "GlobalMaxPool", [value])
        value = node(name, "Flatten", [value])
      case .scale(let factor):
        value = node(name, "Mul", [value, constant("\(name).factor", [], [Float(factor)])])
      case .dropout: break
      case .flatten: value = node(name, "Flatten", [value])
      case .quantize(let scale, let dtype): value = quantize(name, value, Float(scale), dtype)
      case .residual:
        let main = try add(layer.layers, after: value)
        let shortcut = try add(layer.shortcut, after: value)
        value = node(name, "Add", [main, shortcut])
      }
    }
    return value
  }

  /// x·Φ(x) = x/2·(1 + erf(x/√2)); opset 20 has it as one node.
  private mutating func gelu(_ name: String, _ input: String) -> String {
    let root = constant("\(name).root", [], [Float(2).squareRoot()])
    let one = constant("\(name).one", [], [1])
    let half = constant("\(name).half", [], [0.5])
    let scaled = node("\(name)_scaled", "Div", [input, root])
    let erf = node("\(name)_erf", "Erf", [scaled])
    let sum = node("\(name)_sum", "Add", [erf, one])
    let product = node("\(name)_product", "Mul", [input, sum])
    return node(name, "Mul", [product, half])
  }

  private static func squares(_ size: Int) -> [(name: String, value: ONNXModel.Attribute)] {
    [("kernel_shape", .integers([size, size])), ("strides", .integers([size, size]))]
  }

  /// The `quantize` layer that comes next, if nothing before it makes other numbers.
  private static func nextQuantization(
    _ nodes: ArraySlice<LayerNode>
  ) -> (scale: Double, dtype: LayerSpec.IntegerType)? {
    guard let next = nodes.first(where: { !$0.spec.passesOn }),
      case .quantize(let scale, let dtype) = next.spec
    else { return nil }
    return (scale, dtype)
  }

  private mutating func quantize(
    _ name: String, _ input: String, _ scale: Float, _ dtype: LayerSpec.IntegerType
  ) -> String {
    let scale = constant("\(name).scale", [], [scale])
    let zero = constant("\(name).zero_point", [], [0], dtype == .uint8 ? .uint8 : .int8)
    let integers = node("\(name)_integers", "QuantizeLinear", [input, scale, zero])
    return node(name, "DequantizeLinear", [integers, scale, zero])
  }

  // MARK: Weights

  /// Weights of a quantized layer: int8 and the node that multiplies them by their scales.
  private mutating func dequantized(_ weight: Tensor, _ name: String) throws -> String {
    let scales = try tensor("\(weight.name)_scale")
    let each = weight.values.count / max(1, scales.values.count)
    let integers = weight.values.enumerated().map {
      ($0.element / scales.values[$0.offset / each]).rounded()
    }
    let zeros = [Float](repeating: 0, count: scales.values.count)
    let inputs = [
      constant(weight.name, weight.shape, integers, .int8),
      constant(scales.name, scales.shape, scales.values),
      constant("\(weight.name)_zero_point", scales.shape, zeros, .int8),
    ]
    return node(name, "DequantizeLinear", inputs, [("axis", .integer(0))])
  }

  /// A convolution or a dense layer.
  ///
  /// - Parameter norm: a batch normalisation that becomes part of it.
  private mutating func addWeighted(
    _ layer: LayerNode, _ norm: LayerNode?, _ name: String, _ input: String
  ) throws -> String {
    var weight = try tensor("\(layer.path).weight")
    var bias =
      tensors["\(layer.path).bias"]
      ?? Tensor(
        name: "\(layer.path).bias", shape: [weight.shape[0]],
        values: [Float](repeating: 0, count: weight.shape[0]))
    if let norm { try fold(norm, into: &weight, &bias) }
    let weights =
      if layer.spec.isQuantized {
        try dequantized(weight, "\(name)_weight")
      } else {
        constant(weight.name, weight.shape, weight.values)
      }
    let inputs = [input, weights, constant(bias.name, bias.shape, bias.values)]
    guard case .conv2d(_, let kernel, let stride, let padding, _, _, _, _) = layer.spec,
      case .image(_, let height, let width) = layer.input
    else { return node(name, "Gemm", inputs, [("transB", .integer(1))]) }
    let padded = try ONNXGraph.resolved(padding)
    let rows = padded.amounts(size: height, kernel: kernel, stride: stride)
    let columns = padded.amounts(size: width, kernel: kernel, stride: stride)
    return node(
      name, "Conv", inputs,
      [
        ("kernel_shape", .integers([kernel, kernel])), ("strides", .integers([stride, stride])),
        ("pads", .integers([rows.before, columns.before, rows.after, columns.after])),
      ])
  }

  /// γ·(W·x + b − mean)/√(var + ε) + β = (s·W)·x + s·(b − mean) + β with s = γ/√(var + ε), computed in
  /// double precision.
  private func fold(_ norm: LayerNode, into weight: inout Tensor, _ bias: inout Tensor) throws {
    guard case .batchNorm(_, let epsilon, _, _, _) = norm.spec else { return }
    let epsilonValue = try ONNXGraph.resolved(epsilon)
    let gamma = tensors["\(norm.path).weight"]
    let (beta, mean, variance) = (
      try tensor("\(norm.path).bias"),
      try tensor("\(norm.path).running_mean"), try tensor("\(norm.path).running_var")
    )
    let outputs = bias.values.count
    let each = weight.values.count / outputs
    for output in 0..<outputs {
      let scale =
        Double(gamma?.values[output] ?? 1)
        / (Double(variance.values[output]) + epsilonValue).squareRoot()
      for index in (output * each)..<((output + 1) * each) {
        weight.values[index] = Float(Double(weight.values[index]) * scale)
      }
      let centered = Double(bias.values[output]) - Double(mean.values[output])
      bias.values[output] = Float(centered * scale + Double(beta.values[output]))
    }
  }

  private mutating func stored(_ name: String) throws -> String {
    let tensor = try tensor(name)
    return constant(name, tensor.shape, tensor.values)
  }

  private func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      throw CifarError(.internal, "the model has no tensor '\(name)'")
    }
    return tensor
  }

  /// What is left to the dialect was decided when the model was made.
  private static func resolved<Value>(_ option: Value?) throws -> Value {
    guard let option else {
      throw CifarError(.internal, "the model leaves options to its dialect")
    }
    return option
  }
}

extension LayerSpec {
  /// Whether its output has no numbers but those of its input.
  fileprivate var passesOn: Bool {
    switch self {
    case .maxPool, .globalMaxPool, .flatten: true
    default: false
    }
  }
}
