import CifarCore
import Kernels

/// Turns a model's layers into steps: layers that can share a pass over memory become one.
struct PlanBuilder {
  private let context: LayerContext
  private let nodes: [LayerNode]
  /// nil where nothing is trained.
  private let slots: GradientSlots?
  private var layers: [any Layer] = []
  private(set) var input: Activation
  private(set) var output: Activation

  init(context: LayerContext) throws {
    self.context = context
    nodes = try context.network.spec.nodes()
    let lanes = context.kernels.lanes
    try PlanBuilder.checkMemory(nodes, context)
    slots =
      context.training
      ? try GradientSlots(nodes, lanes: lanes, batchSize: context.batchSize) : nil
    // Nobody asks for the gradient of the images; only a convolution knows how to leave it out.
    var leavesOutGradient = false
    if case .conv2d = nodes[0].spec { leavesOutGradient = true }
    input = try Activation(
      shape: nodes[0].input, lanes: lanes, batchSize: context.batchSize,
      gradient: leavesOutGradient ? nil : slots?.next(after: nil, ring: 0))
    output = input
  }

  private static func checkMemory(_ nodes: [LayerNode], _ context: LayerContext) throws {
    let floats = nodes.flatMap(\.all).reduce(nodes[0].input.count) { sum, node in
      sum + Activation.stride(of: node.output, lanes: context.kernels.lanes)
    }
    let (need, isTooMuch) = (4 * floats).multipliedReportingOverflow(by: context.batchSize)
    try MemoryNeed.check(
      isTooMuch ? .max : need, for: "the activations of \(context.batchSize) images")
  }

  mutating func build() throws -> [any Layer] {
    var chain = Chain(nodes: nodes, ring: 0, depth: 0)
    try add(&chain)
    return layers
  }

  /// Layers that follow one another, and how far they have become steps.
  private struct Chain {
    let nodes: [LayerNode]
    /// The ring of gradient buffers that it takes in turns.
    let ring: Int
    /// Residual blocks around it.
    let depth: Int
    var next = 0

    var node: LayerNode { nodes[next] }

    /// The layer `count` places ahead, nil behind the last.
    func spec(_ count: Int) -> LayerSpec? {
      next + count < nodes.count ? nodes[next + count].spec : nil
    }
  }

  private mutating func add(_ chain: inout Chain) throws {
    while chain.next < chain.nodes.count {
      switch chain.node.spec {
      case .conv2d(_, let kernel, let stride, let padding):
        try addConvolution(kernel, stride, padding, &chain)
      case .dense: try addDense(&chain)
      case .flatten: try addFlatten(&chain)
      case .batchNorm, .relu, .maxPool, .dropout: try addPointwise(&chain)
      case .avgPool:
        try addStep(&chain) { try AveragePool(input: $0, output: $1, context: $2) }
      case .globalAveragePool:
        try addStep(&chain) { try GlobalAveragePool(input: $0, output: $1, context: $2) }
      case .residual: try addResidual(&chain)
      }
    }
  }

  /// One layer that is a step of its own.
  private mutating func addStep(
    _ chain: inout Chain,
    _ make: (_ input: Activation, _ output: Activation, LayerContext) throws -> any Layer
  ) throws {
    let from = output
    layers.append(try make(from, advance(by: 1, &chain), context))
  }

  private mutating func addConvolution(
    _ kernel: Int, _ stride: Int, _ padding: LayerSpec.Padding?, _ chain: inout Chain
  ) throws {
    let node = chain.node
    guard case .image(let channels, let height, let width) = node.input,
      case .image(let filters, _, _) = node.output
    else { throw CifarError(.internal, "layer \(node.path) (conv2d) lost its shapes") }
    let padding = padding ?? context.network.dialect.padding(stride: stride)
    let zeros = padding.amounts(size: height, kernel: kernel, stride: stride)
    let normFollows = chain.spec(1)?.isBatchNorm ?? false
    let (following, count) = try context.training ? (.init(), 0) : folded(chain)
    let from = output
    let before = layers.last as? PointwiseBlock
    layers.append(
      try Convolution(
        name: node.path,
        shape: ConvolutionShape(
          inputChannels: channels, outputChannels: filters, height: height, width: width,
          kernel: kernel, stride: stride, padding: zeros.before, paddingAfter: zeros.after),
        input: from, before: before?.output === from ? before : nil,
        output: try advance(by: 1 + count, &chain), biasIsCancelled: normFollows,
        following: following,
        context: context))
  }

  /// Batch norm and ReLU behind the convolution that the chain stands at, and how many layers they
  /// are.
  private func folded(_ chain: Chain) throws -> (Convolution.Following, count: Int) {
    var following = Convolution.Following()
    var count = 0
    if chain.spec(1)?.isBatchNorm ?? false {
      following.norm = try batchNorm(chain.nodes[chain.next + 1])
      count += 1
    }
    if chain.spec(1 + count) == .relu {
      following.relu = true
      count += 1
    }
    return (following, count)
  }

  private func batchNorm(_ node: LayerNode) throws -> BatchNormalization? {
    guard case .batchNorm(let momentum, let epsilon, let unbiased) = node.spec else { return nil }
    let channels = node.input.channels
    let dialect = context.network.dialect
    return try BatchNormalization(
      name: node.path, channels: channels, momentum: momentum ?? dialect.batchNormMomentum,
      epsilon: epsilon ?? dialect.batchNormEpsilon,
      unbiased: unbiased ?? dialect.batchNormUnbiased, context: context)
  }

  /// Takes as many of batch norm, ReLU, max-pool and dropout as follow in this order.
  private mutating func addPointwise(_ chain: inout Chain) throws {
    guard case .image = chain.node.input else {
      return chain.node.spec.isBatchNorm
        ? try addRowNormalization(&chain) : try addRowActivation(&chain)
    }
    var parts = PointwiseBlock.Parts()
    var count = 0
    if chain.node.spec.isBatchNorm {
      parts.norm = try batchNorm(chain.node)
      count += 1
    }
    if chain.spec(count) == .relu {
      parts.relu = true
      count += 1
    }
    if chain.spec(count) == .maxPool {
      parts.pool = true
      count += 1
    }
    if case .dropout(let rate)? = chain.spec(count) {
      parts.dropout = Dropout(layer: chain.nodes[chain.next + count].number, rate: rate)
      count += 1
    }
    let from = output
    let convolution = layers.last as? Convolution
    let isDrawn = chain.spec(count)?.isConvolution ?? false
    let isKept = !(isDrawn && context.training && PointwiseBlock.isCheap(parts))
    let to = try advance(by: count, &chain, isKept: isKept)
    let block = try PointwiseBlock(
      parts: parts, input: from, output: to, isDrawn: isDrawn, context: context)
    if let convolution, convolution.output === from, context.training { convolution.feed(block) }
    layers.append(block)
  }

  private mutating func addFlatten(_ chain: inout Chain) throws {
    try addStep(&chain) { from, to, context in
      // Flat values stay as they are.
      if case .flat = from.shape {
        try RowActivation(relu: false, dropout: nil, input: from, output: to, context: context)
      } else {
        try Flatten(input: from, output: to, context: context)
      }
    }
  }

  private mutating func addDense(_ chain: inout Chain) throws {
    let name = chain.node.path
    let normFollows = chain.spec(1)?.isBatchNorm ?? false
    let (relu, dropout, count) = rowParts(chain, after: 1)
    let from = output
    let to = try advance(by: 1 + count, &chain)
    layers.append(
      try Dense(
        name: name, relu: relu, dropout: dropout, biasIsCancelled: normFollows, input: from,
        output: to, context: context))
  }

  private mutating func addRowNormalization(_ chain: inout Chain) throws {
    guard let norm = try batchNorm(chain.node) else { return }
    try addStep(&chain) {
      try RowNormalization(norm: norm, input: $0, output: $1, context: $2)
    }
  }

  private mutating func addRowActivation(_ chain: inout Chain) throws {
    let (relu, dropout, count) = rowParts(chain, after: 0)
    let from = output
    let to = try advance(by: count, &chain)
    layers.append(
      try RowActivation(relu: relu, dropout: dropout, input: from, output: to, context: context))
  }

  /// ReLU and dropout from `first` places ahead on, and how many layers they are.
  private func rowParts(
    _ chain: Chain, after first: Int
  ) -> (relu: Bool, dropout: Dropout?, count: Int) {
    var count = first
    let relu = chain.spec(count) == .relu
    if relu { count += 1 }
    var dropout: Dropout?
    if case .dropout(let rate)? = chain.spec(count) {
      dropout = Dropout(layer: chain.nodes[chain.next + count].number, rate: rate)
      count += 1
    }
    return (relu, dropout, count - first)
  }

  /// The way through the layers, then the shortcut, then their sum with the ReLU that may follow.
  private mutating func addResidual(_ chain: inout Chain) throws {
    let node = chain.node
    let relu = chain.spec(1) == .relu
    let start = output
    let beside = Activation(of: start, gradient: slots?.next(after: nil, ring: chain.depth + 1))
    layers.append(ResidualFork(input: start, shortcut: beside, context: context))
    var inner = Chain(nodes: node.layers, ring: chain.ring, depth: chain.depth + 1)
    try add(&inner)
    let main = output
    output = beside
    var shortcut = Chain(nodes: node.shortcut, ring: chain.depth + 1, depth: chain.depth + 1)
    try add(&shortcut)
    let side = output
    chain.next += relu ? 2 : 1
    output = try Activation(
      shape: node.output, lanes: context.kernels.lanes, batchSize: context.batchSize,
      gradient: main.gradientStorage, storage: context.storage)
    layers.append(
      ResidualSum(layers: main, shortcut: side, output: output, relu: relu, context: context))
  }

  /// Goes on by `count` layers and makes the activation that stands behind them.
  ///
  /// - Parameter isKept: false if nobody but the next layer reads it, which can make it.
  private mutating func advance(
    by count: Int, _ chain: inout Chain, isKept: Bool = true
  ) throws -> Activation {
    chain.next += count
    output = try Activation(
      shape: chain.nodes[chain.next - 1].output, lanes: context.kernels.lanes,
      batchSize: context.batchSize,
      gradient: slots?.next(after: output.gradientStorage, ring: chain.ring),
      storage: context.storage, isKept: isKept)
    return output
  }
}

extension LayerSpec {
  fileprivate var isConvolution: Bool {
    if case .conv2d = self { return true }
    return false
  }

  fileprivate var isBatchNorm: Bool {
    if case .batchNorm = self { return true }
    return false
  }
}
