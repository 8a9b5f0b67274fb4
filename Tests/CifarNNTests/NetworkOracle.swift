import Kernels
import TestSupport

@testable import CifarNN

/// A network in double, layer by layer as its specification says, with the masks of one pass.
struct NetworkOracle {
  private let pass: Pass
  private let nodes: [LayerNode]
  private let masks: [Int: [UInt8]]
  private let labels: [Int]
  private let classes: Int
  private let smoothing: Double
  private let scales: [Double]?

  /// - Parameters:
  ///   - smoothing: of the labels.
  ///   - scales: what the loss of each image is multiplied by; nil for 1.
  init(
    _ network: Network, _ pass: Pass, labels: [Int32], _ set: InstructionSet,
    smoothing: Double = 0, scales: [Double]? = nil
  ) throws {
    self.pass = pass
    self.smoothing = smoothing
    self.scales = scales
    self.labels = labels.map(Int.init)
    classes = network.spec.classes
    nodes = try network.spec.nodes()
    var masks: [Int: [UInt8]] = [:]
    for node in nodes.flatMap(\.all) {
      guard case .dropout(let rate) = node.spec else { continue }
      masks[node.number] = Dropout(layer: node.number, rate: rate).mask(
        node.output, pass, kernels: set.kernels)
    }
    self.masks = masks
  }

  /// The mean cross-entropy of a training pass.
  func loss(_ weights: [String: [Double]], _ images: [Double]) -> Double {
    RowOracles.crossEntropy(
      run(nodes, images, weights), labels: labels, classes: classes, smoothing: smoothing,
      scales: scales)
  }

  private func run(
    _ nodes: [LayerNode], _ x: [Double], _ weights: [String: [Double]]
  ) -> [Double] {
    nodes.reduce(x) { apply($1, $0, weights) }
  }

  private func apply(
    _ node: LayerNode, _ x: [Double], _ weights: [String: [Double]]
  ) -> [Double] {
    let weight = weights["\(node.path).weight"] ?? []
    let bias = weights["\(node.path).bias"] ?? []
    switch (node.spec, node.input) {
    case (
      .conv2d(let filters, let kernel, let stride, let padding?, _, _, _, _),
      .image(let c, let h, let w)
    ):
      let zeros = padding.amounts(size: h, kernel: kernel, stride: stride)
      let shape = ConvolutionShape(
        inputChannels: c, outputChannels: filters, height: h, width: w, kernel: kernel,
        stride: stride, padding: zeros.before, paddingAfter: zeros.after)
      let none = [Double](repeating: 0, count: filters)
      return ConvolutionOracle(shape, images: pass.count).forward(
        x, weight, bias: bias.isEmpty ? none : bias)
    case (.batchNorm(_, let epsilon?, _, _, _), let shape):
      let ones = [Double](repeating: 1, count: shape.channels)
      let running = PointwiseOracles.Moments(
        mean: weights["\(node.path).running_mean"] ?? [],
        variance: weights["\(node.path).running_var"] ?? [])
      return PointwiseOracles.batchNorm(
        x, weight: weight.isEmpty ? ones : weight, bias: bias, epsilon: epsilon,
        pixels: shape.count / shape.channels, using: node.isFrozen || !pass.training ? running : nil
      )
    case (.quantize(let scale, let dtype), _):
      return PointwiseOracles.quantize(x, scale: Double(Float(scale)), dtype.range)
    case (.relu, _): return PointwiseOracles.relu(x)
    case (.gelu, _): return PointwiseOracles.gelu(x)
    case (.maxPool(let size), .image(_, let h, let w)):
      return PointwiseOracles.maxPool(x, height: h, width: w, rows: size, columns: size)
    case (.globalMaxPool, .image(_, let h, let w)):
      return PointwiseOracles.maxPool(x, height: h, width: w, rows: h, columns: w)
    case (.scale(let factor), _): return x.map { factor * $0 }
    case (.avgPool, .image(_, let h, let w)):
      return PointwiseOracles.averagePool(x, height: h, width: w)
    case (.globalAveragePool, .image(_, let h, let w)):
      return PointwiseOracles.means(x, pixels: h * w)
    case (.dropout(let rate), _):
      return PointwiseOracles.dropout(x, mask: masks[node.number] ?? [], scale: 1 / (1 - rate))
    case (.dense(let units, _, _, _), let shape):
      let none = [Double](repeating: 0, count: units)
      return RowOracles.dense(
        x, weight: weight, bias: bias.isEmpty ? none : bias, features: shape.count)
    case (.residual, _):
      return zip(run(node.layers, x, weights), run(node.shortcut, x, weights)).map { $0 + $1 }
    default: return x
    }
  }
}
