import CifarCore
import Kernels

/// Turns a list of layers into steps: layers that can share a pass over memory become one.
struct PlanBuilder {
  private let context: LayerContext
  private let specs: [LayerSpec]
  private let shapes: [ValueShape]
  /// The gradients of two neighbouring activations are all that is needed at a time.
  private let gradients: [AlignedBuffer<Float>]
  private var next = 0
  private var layers: [any Layer] = []
  private(set) var input: Activation
  private(set) var output: Activation

  init(context: LayerContext) throws {
    self.context = context
    specs = context.network.spec.layers
    shapes = try context.network.spec.shapes()
    let lanes = context.kernels.lanes
    let largest = shapes.map { Activation.stride(of: $0, lanes: lanes) }.max() ?? 0
    gradients =
      context.training
      ? (0..<2).map { _ in AlignedBuffer(count: largest * context.batchSize) } : []
    // Nobody asks for the gradient of the images; only a convolution knows how to leave it out.
    var leavesOutGradient = false
    if case .conv2d? = specs.first { leavesOutGradient = true }
    input = Activation(
      shape: shapes[0], lanes: lanes, batchSize: context.batchSize,
      gradient: leavesOutGradient ? nil : gradients.last)
    output = input
  }

  mutating func build() throws -> [any Layer] {
    while next < specs.count {
      switch specs[next] {
      case .conv2d(_, let kernel, let stride, let padding):
        try addConvolution(kernel, stride, padding == .same ? kernel / 2 : 0)
      case .dense: try addDense()
      case .flatten: try addFlatten()
      case .batchNorm, .relu, .maxPool2d, .dropout: try addPointwise()
      }
    }
    return layers
  }

  private mutating func addConvolution(_ kernel: Int, _ stride: Int, _ padding: Int) throws {
    guard case .image(let channels, let height, let width) = shapes[next],
      case .image(let filters, _, _) = shapes[next + 1]
    else { throw CifarError(.internal, "layer \(next) (conv2d) lost its shapes") }
    let name = "\(next)"
    let normFollows = next + 1 < specs.count && specs[next + 1].isBatchNorm
    let (following, count) = try context.training ? (.init(), 0) : folded(after: next + 1)
    let from = output
    let to = advance(by: 1 + count)
    layers.append(
      try Convolution(
        name: name,
        shape: ConvolutionShape(
          inputChannels: channels, outputChannels: filters, height: height, width: width,
          kernel: kernel, stride: stride, padding: padding),
        input: from, output: to, biasIsCancelled: normFollows, following: following,
        context: context))
  }

  /// Batch norm and ReLU from place `first` on, and how many layers they are.
  private func folded(after first: Int) throws -> (Convolution.Following, count: Int) {
    var following = Convolution.Following()
    var last = first
    if last < specs.count, specs[last].isBatchNorm {
      following.norm = try batchNorm(at: last)
      last += 1
    }
    if last < specs.count, specs[last] == .relu {
      following.relu = true
      last += 1
    }
    return (following, last - first)
  }

  private func batchNorm(at place: Int) throws -> BatchNormalization? {
    guard case .batchNorm(let momentum, let epsilon, let unbiased) = specs[place],
      case .image(let channels, _, _) = shapes[place]
    else { return nil }
    return try BatchNormalization(
      name: "\(place)", channels: channels, momentum: momentum, epsilon: epsilon,
      unbiased: unbiased, context: context)
  }

  /// Takes as many of batch norm, ReLU, max-pool and dropout as follow in this order.
  private mutating func addPointwise() throws {
    guard case .image = shapes[next] else { return addRowActivation() }
    var parts = PointwiseBlock.Parts()
    var last = next
    if specs[last].isBatchNorm {
      parts.norm = try batchNorm(at: last)
      last += 1
    }
    if last < specs.count, specs[last] == .relu {
      parts.relu = true
      last += 1
    }
    if last < specs.count, specs[last] == .maxPool2d {
      parts.pool = true
      last += 1
    }
    if last < specs.count, case .dropout(let rate) = specs[last] {
      parts.dropout = Dropout(layer: last, rate: rate)
      last += 1
    }
    let from = output
    let to = advance(by: last - next)
    layers.append(try PointwiseBlock(parts: parts, input: from, output: to, context: context))
  }

  private mutating func addFlatten() throws {
    let from = output
    let to = advance(by: 1)
    // Flat values stay as they are.
    if case .flat = from.shape {
      layers.append(
        RowActivation(relu: false, dropout: nil, input: from, output: to, context: context))
    } else {
      layers.append(try Flatten(input: from, output: to, context: context))
    }
  }

  private mutating func addDense() throws {
    let name = "\(next)"
    let (relu, dropout, count) = rowParts(after: next + 1)
    let from = output
    let to = advance(by: 1 + count)
    layers.append(
      try Dense(
        name: name, relu: relu, dropout: dropout, input: from, output: to, context: context))
  }

  private mutating func addRowActivation() {
    let (relu, dropout, count) = rowParts(after: next)
    let from = output
    let to = advance(by: count)
    layers.append(
      RowActivation(relu: relu, dropout: dropout, input: from, output: to, context: context))
  }

  /// ReLU and dropout from place `first` on, and how many layers they are.
  private func rowParts(after first: Int) -> (relu: Bool, dropout: Dropout?, count: Int) {
    var last = first
    var relu = false
    var dropout: Dropout?
    if last < specs.count, specs[last] == .relu {
      relu = true
      last += 1
    }
    if last < specs.count, case .dropout(let rate) = specs[last] {
      dropout = Dropout(layer: last, rate: rate)
      last += 1
    }
    return (relu, dropout, last - first)
  }

  /// Goes on by `count` layers and makes the activation that stands behind them.
  private mutating func advance(by count: Int) -> Activation {
    next += count
    output = Activation(
      shape: shapes[next], lanes: context.kernels.lanes, batchSize: context.batchSize,
      gradient: gradients.isEmpty ? nil : gradients[layers.count % 2])
    return output
  }
}

extension LayerSpec {
  fileprivate var isBatchNorm: Bool {
    if case .batchNorm = self { return true }
    return false
  }
}
