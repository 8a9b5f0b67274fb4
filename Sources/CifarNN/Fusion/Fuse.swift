import CifarCore
import Kernels

/// What a plan is for.
enum PlanMode: Equatable, Sendable {
  case training
  /// The running statistics are all that batch norm needs, and no gradients are taken.
  case inference
  /// The same of a quantized model, whose images are stored as bytes where they are quantized.
  case quantized
}

/// Joins layers that can share a pass over memory.
///
/// - Images: batch norm, ReLU, max-pool and dropout that follow one another in this order are one
///   pointwise stage, and so are batch norm, GELU and dropout. A convolution after the stage computes
///   it as it reads; one before it takes its moments as it writes. ReLU and max-pool alone are
///   computed by the convolution before them, which then takes the moments of the next stage.
/// - Inference: batch norm and ReLU directly after a convolution go into its weights.
/// - Flat values: ReLU and dropout go with the dense layer before them.
/// - The end of a residual block computes the batch norm and ReLU that its branches end with, and
///   the ReLU after it. Nothing is joined across its beginning, whose values have two readers.
/// - Quantized: what rounds images goes with what makes them. A convolution of bytes by Winograd's
///   algorithm takes a max-pool along that stands between them.
///
/// - Parameters:
///   - nodes: with every option spelled out.
///   - hasBytes: whether what goes in is quantized.
func fuse(
  _ nodes: [LayerNode], _ mode: PlanMode, hasBytes: Bool = false,
  convolution: ConvolutionChoice = .auto
) -> [Group] {
  var fusion = Fusion(nodes: nodes, mode: mode, hasBytes: hasBytes, convolution: convolution)
  return fusion.run()
}

/// A chain of layers on its way to groups.
private struct Fusion {
  let nodes: [LayerNode]
  let mode: PlanMode
  let convolution: ConvolutionChoice
  private var next = 0
  private var groups: [Group] = []
  /// A stage that the convolution which comes next computes.
  private var prologue: PointwiseGroup?
  /// Whether the images that come next are stored as bytes.
  private var hasBytes: Bool

  init(nodes: [LayerNode], mode: PlanMode, hasBytes: Bool, convolution: ConvolutionChoice) {
    self.nodes = nodes
    self.mode = mode
    self.hasBytes = hasBytes
    self.convolution = convolution
  }

  mutating func run() -> [Group] {
    while next < nodes.count {
      let node = nodes[next]
      let readsBytes = hasBytes
      hasBytes = false
      switch (node.spec, node.input) {
      case (.conv2d, _): addConvolution(readsBytes)
      case (.quantize, .image) where mode == .quantized:
        if node.number == 0 {
          hasBytes = true
          add(.quantizedInput(take()))
        } else {
          addPointwise()
        }
      case (.batchNorm, .image), (.relu, .image), (.gelu, .image), (.dropout, .image),
        (.maxPool(size: 2), _):
        addPointwise()
      case (.dense, _): addDense()
      case (.relu, .flat), (.dropout, .flat): add(.rowActivation(takeRowActivation()))
      case (.flatten, .flat): add(.rowActivation(RowActivationGroup(identity: take())))
      case (.residual, _): addResidual(readsBytes)
      case (.flatten, .image), (.batchNorm, .flat), (.avgPool, _), (.globalAveragePool, _),
        (.globalMaxPool, _), (.maxPool, _), (.scale, _), (.gelu, .flat), (.quantize, _):
        add(.single(take()))
      }
    }
    return groups
  }

  private mutating func add(_ group: Group) { groups.append(group) }

  private mutating func take() -> LayerNode {
    next += 1
    return nodes[next - 1]
  }

  /// The next layer, if it is the one that is asked for.
  private mutating func take(if isWanted: (LayerSpec) -> Bool) -> LayerNode? {
    next < nodes.count && isWanted(nodes[next].spec) ? take() : nil
  }

  private mutating func addConvolution(_ readsBytes: Bool) {
    var group = ConvolutionGroup(prologue: prologue, node: take())
    prologue = nil
    if mode != .training {
      let norm = take(if: \.isBatchNorm)
      let relu = take { $0 == .relu }
      if norm != nil || relu != nil { group.epilogue = .folded(norm: norm, relu: relu) }
      if mode == .inference { group.pooling = takePooling() }
      if readsBytes {
        if isPoolBeforeQuantize, convolution.pools(group.node) { group.pool = take() }
        group.quantize = take(if: \.isQuantize)
      }
      hasBytes = group.quantize != nil
      return add(.convolution(group))
    }
    group.pooling = takePooling()
    guard let stage = takePointwise() else { return add(.convolution(group)) }
    if group.pooling == nil || stage.norm != nil { group.epilogue = .consumer(stage) }
    add(.convolution(group))
    if group.pooling != nil { add(.pointwiseInput(stage, hasMoments: stage.norm != nil)) }
    addOutput(of: stage)
  }

  private var isPoolBeforeQuantize: Bool {
    next + 1 < nodes.count && nodes[next].spec == .maxPool(size: 2)
      && nodes[next + 1].spec.isQuantize
  }

  private mutating func addPointwise() {
    guard let stage = takePointwise() else { return }
    if mode == .training { add(.pointwiseInput(stage, hasMoments: false)) }
    addOutput(of: stage)
  }

  private mutating func addOutput(of stage: PointwiseGroup) {
    if stage.norm != nil { add(.statistics(stage)) }
    hasBytes = stage.quantize != nil
    if next < nodes.count, nodes[next].spec.isConvolution {
      prologue = stage
    } else {
      add(.pointwiseOutput(stage))
    }
  }

  /// A stage that needs nothing of the whole batch, and changes no gradient where it lies.
  private mutating func takePooling() -> PointwiseGroup? {
    let first = next
    guard let stage = takePointwise() else { return nil }
    if stage.pool != nil, stage.norm == nil, mode == .inference || stage.dropout == nil {
      return stage
    }
    next = first
    return nil
  }

  /// As much of a stage as follows; nil if nothing of it does.
  private mutating func takePointwise() -> PointwiseGroup? {
    guard next < nodes.count, case .image = nodes[next].input else { return nil }
    var stage = PointwiseGroup()
    stage.norm = take(if: \.isBatchNorm)
    stage.relu = take { $0 == .relu }
    if stage.relu == nil { stage.gelu = take { $0 == .gelu } }
    if stage.gelu == nil { stage.pool = take { $0 == .maxPool(size: 2) } }
    stage.dropout = take(if: \.isDropout)
    if mode == .quantized { stage.quantize = take(if: \.isQuantize) }
    return stage.layers.isEmpty ? nil : stage
  }

  private mutating func addDense() {
    let node = take()
    let normFollows =
      next < nodes.count && nodes[next].spec.isBatchNorm && !nodes[next].isFrozen
    add(
      .dense(
        DenseGroup(node: node, activation: takeRowActivation(), biasIsCancelled: normFollows)))
  }

  private mutating func takeRowActivation() -> RowActivationGroup {
    var group = RowActivationGroup()
    group.relu = take { $0 == .relu }
    group.dropout = take(if: \.isDropout)
    return group
  }

  private mutating func addResidual(_ readsBytes: Bool) {
    let node = take()
    func branch(_ layers: [LayerNode]) -> [Group] {
      fuse(layers, mode, hasBytes: readsBytes, convolution: convolution)
    }
    var group = ResidualGroup(
      node: node, layers: branch(node.layers), shortcut: branch(node.shortcut))
    group.layersEnd = takeEnd(of: &group.layers)
    group.shortcutEnd = takeEnd(of: &group.shortcut)
    group.relu = take { $0 == .relu }
    if mode == .quantized, case .image = node.output { group.quantize = take(if: \.isQuantize) }
    hasBytes = group.quantize != nil
    add(.residual(group))
  }

  /// The stage that a branch ends with, if its values need not be stored.
  private func takeEnd(of branch: inout [Group]) -> PointwiseGroup? {
    // The sum's gradient is both branches'.
    guard case .pointwiseOutput(let stage)? = branch.last, stage.isCheapToRecompute,
      !stage.changesGradient
    else { return nil }
    branch.removeLast()
    return stage
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

  fileprivate var isQuantize: Bool {
    if case .quantize = self { return true }
    return false
  }

  fileprivate var isDropout: Bool {
    if case .dropout = self { return true }
    return false
  }
}
