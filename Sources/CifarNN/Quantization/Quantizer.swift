import CheckpointFormat
import CifarCore
import Kernels

/// Makes a quantized model of a trained one: post-training quantization.
///
/// - Batch normalisations behind convolutions and dense layers become part of their weights, dropout
///   is left out.
/// - Weights become int8 times a scale for each output channel, max |w| / 127.
/// - What convolutions and dense layers read, and what the branches of a residual block end with, goes
///   through a `quantize` layer: uint8 where no calibration image has anything below 0 there, else
///   int8. Its scale is the one with the least squared error over the calibration images
///   (`ClippingHistogram`).
public struct Quantizer {
  /// What the network becomes: layers, and weights under their names.
  public struct Result {
    public let spec: ModelSpec
    public let tensors: [Tensor]
  }

  /// Calibration images in a batch.
  private static let batchSize = 64

  /// - Parameters:
  ///   - images: (count, channels, height, width), normalised.
  ///   - name: what errors call the model.
  /// - Throws: `invalidArgument` where there are no images; `unsupported` for a model that can't be
  ///   quantized; `notFinite`, naming the layer, for numbers that no scale fits; `outOfMemory`.
  public static func quantize(
    _ network: Network, images: UnsafePointer<Float>, count: Int, pool: ThreadPool,
    kernels: any KernelTable = Kernels.current
  ) throws -> Result {
    guard count > 0 else {
      throw CifarError(
        .invalidArgument, "to quantize takes calibration images, and there are none")
    }
    if network.spec.isQuantized {
      throw CifarError(.unsupported, "the model is quantized already")
    }
    let folded = try FoldedLayers(network)
    var spec = ModelSpec(input: network.spec.input, layers: folded.quantizedLayers())
    let tensors = folded.tensors(for: spec)
    let ranges = try calibrate(
      spec, network.dialect, tensors, images, count: count, pool, kernels)
    spec.layers = setScales(try spec.nodes(), ranges)
    return Result(spec: spec, tensors: try tensors.flatMap { try quantized($0, spec) })
  }

  // MARK: Activations

  /// The quantization of each `quantize` layer by its path.
  private static func calibrate(
    _ spec: ModelSpec, _ dialect: Dialect, _ tensors: [Tensor], _ images: UnsafePointer<Float>,
    count: Int, _ pool: ThreadPool, _ kernels: any KernelTable
  ) throws -> [String: (scale: Double, dtype: LayerSpec.IntegerType)] {
    let network = try Network(spec: spec, dialect: dialect, seed: 0)
    try network.load(partially: tensors)
    let observer = QuantizeObserver()
    let plan = try Plan(
      network: network, batchSize: min(count, batchSize), training: false, pool: pool,
      kernels: kernels, observer: observer)
    let size = spec.input.reduce(1, *)
    func run() throws {
      for first in stride(from: 0, to: count, by: batchSize) {
        plan.infer(images + first * size, count: min(batchSize, count - first))
      }
    }
    try run()
    // A histogram needs to know how far it goes.
    try observer.beginHistograms()
    try run()
    return observer.histograms.mapValues { ($0.bestScale(), $0.dtype) }
  }

  private static func setScales(
    _ nodes: [LayerNode], _ ranges: [String: (scale: Double, dtype: LayerSpec.IntegerType)]
  ) -> [LayerSpec] {
    nodes.map { node in
      if case .residual = node.spec {
        return .residual(
          layers: setScales(node.layers, ranges), shortcut: setScales(node.shortcut, ranges))
      }
      guard let range = ranges[node.path] else { return node.spec }
      return .quantize(scale: range.scale, dtype: range.dtype)
    }
  }

  // MARK: Weights

  /// Weights of a quantized layer as they are afterwards, with their scales; other tensors as they are.
  private static func quantized(_ tensor: Tensor, _ spec: ModelSpec) throws -> [Tensor] {
    let layer = tensor.name.split(separator: ".").dropLast().joined(separator: ".")
    guard tensor.name.hasSuffix(".weight"),
      try spec.nodes().flatMap(\.all).contains(where: { $0.path == layer && $0.spec.isQuantized })
    else { return [tensor] }
    var weights = tensor
    let outputs = tensor.shape[0]
    let each = tensor.values.count / outputs
    var scales = Tensor(
      name: "\(tensor.name)_scale", shape: [outputs],
      values: [Float](repeating: 1, count: outputs))
    for output in 0..<outputs {
      let range = (output * each)..<((output + 1) * each)
      let scale = weightScale(largest: tensor.values[range].reduce(0) { max($0, $1.magnitude) })
      scales.values[output] = scale
      for index in range {
        weights.values[index] =
          scale * min(max((tensor.values[index] / scale).rounded(.toNearestOrEven), -127), 127)
      }
    }
    return [weights, scales]
  }

  /// The scale with which `largest` becomes about 127. It has 16 binary digits, so that a product with
  /// an int8 is exact.
  static func weightScale(largest: Float) -> Float {
    let scale = largest / 127
    // Of weights that are all zero, or as good as that, any scale is right.
    guard scale >= 1e-12 else { return 1 }
    return Float(bitPattern: (scale.bitPattern + 0xff) & ~0xff)
  }
}
