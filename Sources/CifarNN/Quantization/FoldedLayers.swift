import CheckpointFormat
import CifarCore

/// The layers of a trained network for inference alone: batch normalisations are part of the weights
/// before them wherever they can be, and dropout is left out.
struct FoldedLayers {
  fileprivate struct Layer {
    var spec: LayerSpec
    /// By the last part of their names.
    var tensors: [String: Tensor] = [:]
    var layers: [Layer] = []
    var shortcut: [Layer] = []
  }

  private let layers: [Layer]

  /// - Throws: `unsupported` for layers that can't be quantized; `notFinite` for weights.
  init(_ network: Network) throws {
    let tensors = network.stateTensors()
    for tensor in tensors {
      if let fault = tensor.fault { throw CifarError(.notFinite, "can't be quantized: \(fault)") }
    }
    layers = try FoldedLayers.fold(
      try network.spec.nodes(),
      Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) }))
  }

  private static func fold(
    _ nodes: [LayerNode], _ tensors: [String: Tensor]
  ) throws -> [Layer] {
    var result: [Layer] = []
    for node in nodes {
      var layer = Layer(spec: node.spec)
      for (name, _) in node.parameters + node.statistics {
        layer.tensors[name] = tensors["\(node.path).\(name)"]
      }
      switch node.spec {
      case .dropout: continue
      case .gelu:
        throw CifarError(
          .unsupported,
          "layer \(node.label): a model with GELU can't be quantized; mixed_bfloat16 is faster than "
            + "float32 there, too")
      case .batchNorm(_, let epsilon?, _, _, _):
        if let last = result.popLast() {
          if last.spec.hasWeights {
            layer = try last.folding(layer, epsilon: epsilon, label: node.label)
          } else {
            result.append(last)
          }
        }
      case .residual:
        layer.layers = try fold(node.layers, tensors)
        layer.shortcut = try fold(node.shortcut, tensors)
      default: break
      }
      result.append(layer)
    }
    return result
  }

  // MARK: Quantized

  /// The layers with `quantize` layers where they belong, each with a scale of 1.
  func quantizedLayers() -> [LayerSpec] {
    var isQuantized = false
    return FoldedLayers.quantized(layers, &isQuantized)
  }

  /// - Parameter isQuantized: whether the values before the layers, then whether those behind them, have
  ///   just been through a `quantize` layer.
  private static func quantized(_ layers: [Layer], _ isQuantized: inout Bool) -> [LayerSpec] {
    var result: [LayerSpec] = []
    func quantize() {
      if !isQuantized { result.append(.quantize(scale: 1)) }
      isQuantized = true
    }
    for layer in layers {
      switch layer.spec {
      case .conv2d(let filters, let kernelSize, let stride, let padding, _, _, _, _):
        quantize()
        result.append(
          .conv2d(
            filters: filters, kernelSize: kernelSize, stride: stride, padding: padding,
            bias: layer.tensors["bias"] != nil, quantized: true))
        isQuantized = false
      case .dense(let units, _, _, _):
        quantize()
        result.append(.dense(units: units, bias: layer.tensors["bias"] != nil, quantized: true))
        isQuantized = false
      case .residual:
        // Once for both ways.
        quantize()
        func branch(_ layers: [Layer]) -> [LayerSpec] {
          var isQuantized = true
          let specs = quantized(layers, &isQuantized)
          return isQuantized ? specs : specs + [.quantize(scale: 1)]
        }
        result.append(.residual(layers: branch(layer.layers), shortcut: branch(layer.shortcut)))
        isQuantized = false
      case .maxPool, .globalMaxPool, .flatten: result.append(layer.spec)
      default:
        result.append(layer.spec)
        isQuantized = false
      }
    }
    return result
  }

  /// Weights and statistics under the names that they have in `quantizedLayers`, in float32.
  func tensors(for spec: ModelSpec) -> [Tensor] {
    FoldedLayers.tensors(layers, spec.layers, path: "")
  }

  private static func tensors(
    _ layers: [Layer], _ specs: [LayerSpec], path: String
  ) -> [Tensor] {
    // The `quantize` layers are all that has been added.
    let places = specs.indices.filter { specs[$0].type != LayerDescription.quantizeType }
    return zip(layers, places).flatMap { layer, place in
      var result = layer.tensors.keys.sorted().compactMap { name in
        layer.tensors[name].map {
          Tensor(name: "\(path)\(place).\(name)", shape: $0.shape, values: $0.values)
        }
      }
      if case .residual(let inner, let shortcut) = specs[place] {
        result += tensors(layer.layers, inner, path: "\(path)\(place).layers.")
        result += tensors(layer.shortcut, shortcut, path: "\(path)\(place).shortcut.")
      }
      return result
    }
  }
}

extension FoldedLayers.Layer {
  /// γ·(W·x + b − mean)/√(var + ε) + β = (s·W)·x + s·(b − mean) + β with s = γ/√(var + ε), computed in
  /// double precision.
  fileprivate func folding(_ norm: Self, epsilon: Double, label: String) throws -> Self {
    guard var weight = tensors["weight"], let beta = norm.tensors["bias"],
      let mean = norm.tensors["running_mean"], let variance = norm.tensors["running_var"]
    else { throw CifarError(.internal, "layer \(label) lacks tensors") }
    let gamma = norm.tensors["weight"]
    let outputs = weight.shape[0]
    let each = weight.values.count / outputs
    var bias =
      tensors["bias"]
      ?? Tensor(name: "bias", shape: [outputs], values: [Float](repeating: 0, count: outputs))
    for output in 0..<outputs {
      let scale =
        Double(gamma?.values[output] ?? 1)
        / (Double(variance.values[output]) + epsilon).squareRoot()
      for index in (output * each)..<((output + 1) * each) {
        weight.values[index] = Float(Double(weight.values[index]) * scale)
      }
      let centered = Double(bias.values[output]) - Double(mean.values[output])
      bias.values[output] = Float(centered * scale + Double(beta.values[output]))
    }
    var result = self
    (result.tensors["weight"], result.tensors["bias"]) = (weight, bias)
    if let fault = weight.fault ?? bias.fault {
      throw CifarError(.notFinite, "can't be quantized with layer \(label) in it: \(fault)")
    }
    return result
  }
}

extension LayerSpec {
  fileprivate var hasWeights: Bool {
    switch self {
    case .conv2d, .dense: true
    default: false
    }
  }
}
