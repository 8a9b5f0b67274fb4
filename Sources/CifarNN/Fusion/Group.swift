import Kernels

/// Layers that are computed together, in one pass over memory.
///
/// `fuse` decides on the groups from the layers alone; `MemoryPlan` says which of their values are
/// stored and where; `Plan` makes operators of them. Nothing about fusion is decided later.
indirect enum Group: Equatable, Sendable {
  /// Images go into the plan as bytes.
  case quantizedInput(LayerNode)
  case convolution(ConvolutionGroup)
  /// The input side of a stage that no convolution stands before: forward the moments of its input,
  /// backward the gradient of its input.
  ///
  /// - Parameter hasMoments: the convolution before it has taken them.
  case pointwiseInput(PointwiseGroup, hasMoments: Bool)
  /// Between the two sides of a stage that normalises: sums over the batch become the factors of
  /// the forward and of the backward pass.
  case statistics(PointwiseGroup)
  /// The output side of a stage that no convolution follows: forward its output, backward the sums
  /// over the gradient of its output.
  case pointwiseOutput(PointwiseGroup)
  case dense(DenseGroup)
  /// A layer by itself: see `SingleLayer`.
  case single(LayerNode)
  /// ReLU and dropout on flat values that no dense layer stands before.
  case rowActivation(RowActivationGroup)
  case residual(ResidualGroup)
}

/// A convolution with what is computed on its input just before it reads it, and on its output just
/// after it wrote it, while the images are in the caches.
struct ConvolutionGroup: Equatable, Sendable {
  /// What computes the input; nil where it is stored.
  var prologue: PointwiseGroup?
  var node: LayerNode
  var epilogue = Epilogue.none
  /// A stage of ReLU and max-pool, either optional, that reads the output: it is computed as the
  /// output is written, after a folded norm and before the moments of a consumer.
  var pooling: PointwiseGroup?
  /// After the epilogue: the maximum of every 2×2 square, then bytes.
  var pool: LayerNode?
  var quantize: LayerNode?

  enum Epilogue: Equatable, Sendable {
    case none
    /// The stage that reads the output. Its moments are taken as the output is written, and, unless
    /// there is a `pooling` between them, the gradient of the output is computed as the backward pass
    /// reads it.
    case consumer(PointwiseGroup)
    /// Inference: batch norm's scale and offset are in the weights and the bias.
    case folded(norm: LayerNode?, relu: LayerNode?)
  }

  var consumer: PointwiseGroup? {
    if case .consumer(let stage) = epilogue { return stage }
    return nil
  }

  /// Batch norm takes the mean of the batch away again, so that the bias has no effect on the loss
  /// and its gradient is exactly 0.
  var biasIsCancelled: Bool { pooling == nil && consumer?.norm?.isFrozen == false }

  var hasBias: Bool { node.parameters.contains { $0.name == "bias" } }

  /// The last layer in it before the pooling.
  var last: LayerNode {
    if let end = quantize ?? pool { return end }
    if case .folded(let norm, let relu) = epilogue { return relu ?? norm ?? node }
    return node
  }
}

/// A pointwise stage: batch norm → ReLU → 2×2 max-pool → dropout on images, or batch norm → GELU →
/// dropout, each of them optional, at least one there.
struct PointwiseGroup: Equatable, Sendable {
  var norm: LayerNode?
  var relu: LayerNode?
  /// Instead of ReLU, and then no pool: that commutes with what rises only.
  var gelu: LayerNode?
  var pool: LayerNode?
  var dropout: LayerNode?
  /// Bytes at the end.
  var quantize: LayerNode?

  var layers: [LayerNode] { [norm, relu, gelu, pool, dropout, quantize].compactMap(\.self) }
  var input: ValueShape { layers[0].input }
  var output: ValueShape { layers[layers.count - 1].output }
  /// The first layer's, which no other stage has.
  var path: String { layers[0].path }

  /// Whether computing the output once more costs less than reading it from memory, and gives the
  /// same numbers.
  var isCheapToRecompute: Bool { pool == nil && dropout == nil && quantize == nil }

  /// Whether the gradient of the output is changed where it lies, on its way through the stage.
  var changesGradient: Bool { gelu != nil || dropout != nil }
}

/// A dense layer with the ReLU and the dropout that follow it.
struct DenseGroup: Equatable, Sendable {
  var node: LayerNode
  var activation = RowActivationGroup()
  /// As in a `ConvolutionGroup`.
  var biasIsCancelled = false

  var last: LayerNode { activation.layers.last ?? node }
}

/// ReLU → dropout on flat values, or a flatten of values that are flat already.
struct RowActivationGroup: Equatable, Sendable {
  var identity: LayerNode?
  var relu: LayerNode?
  var dropout: LayerNode?

  var layers: [LayerNode] { [identity, relu, dropout].compactMap(\.self) }
}

/// y = layers(x) + shortcut(x), then the ReLU that follows.
struct ResidualGroup: Equatable, Sendable {
  var node: LayerNode
  var layers: [Group]
  var shortcut: [Group]
  /// The stages at the ends of the two branches that the sum computes as it reads them.
  var layersEnd: PointwiseGroup?
  var shortcutEnd: PointwiseGroup?
  var relu: LayerNode?
  /// Bytes at the end.
  var quantize: LayerNode?

  var ends: [PointwiseGroup] { [layersEnd, shortcutEnd].compactMap(\.self) }
  var last: LayerNode { quantize ?? relu ?? node }
}

// MARK: - Text

extension Group {
  /// One line an operation of the memory plan, those inside a residual block indented.
  var lines: [String] {
    switch self {
    case .convolution(let group): return [group.description]
    case .quantizedInput(let node): return [node.label]
    case .pointwiseInput(let stage, _): return ["input side of \(stage)"]
    case .statistics(let stage): return ["statistics of \(stage.norm?.label ?? "")"]
    case .pointwiseOutput(let stage): return ["\(stage)"]
    case .single(let node): return [node.label]
    case .dense(let group): return [([group.node] + group.activation.layers).joined]
    case .rowActivation(let group): return [group.layers.joined]
    case .residual(let group):
      return ["fork of \(group.node.label)"]
        + (group.layers + group.shortcut).flatMap(\.lines).map { "  " + $0 }
        + [group.sum]
    }
  }
}

extension ConvolutionGroup: CustomStringConvertible {
  var description: String {
    var text = prologue.map { "[\($0)] → " } ?? ""
    if case .folded(let norm, let relu) = epilogue {
      text += [node, norm, relu, pool, quantize].compactMap(\.self).joined
    } else {
      text += [node, pool, quantize].compactMap(\.self).joined
    }
    if let pooling { text += " → \(pooling)" }
    if let norm = consumer?.norm { text += " → moments of \(norm.label)" }
    return text
  }
}

extension ResidualGroup {
  fileprivate var sum: String {
    let sum = "sum of \([node, relu, quantize].compactMap(\.self).joined)"
    return ends.isEmpty ? sum : ends.map { "[\($0)]" }.joined(separator: ", ") + " → " + sum
  }
}

extension PointwiseGroup: CustomStringConvertible {
  var description: String { layers.joined }
}

extension LayerNode {
  /// `3 conv2d`
  var label: String { "\(path) \(spec.type)" }
}

extension [LayerNode] {
  fileprivate var joined: String { map(\.label).joined(separator: " + ") }
}
