import CifarCore
import Kernels

/// What a plan is laid out for: everything besides the model that decides on sizes.
struct PlanTarget: Equatable, Sendable {
  var mode: PlanMode
  /// The most images of a call.
  var batchSize: Int
  var threads: Int
  /// How images are stored between two operators.
  var storage = Storage.float32
  /// Factors of products.
  var products = Products.float32
  var convolution = ConvolutionChoice.auto
  var tiles: KernelTiles

  var training: Bool { mode == .training }
  /// Whether images are float32 wherever they are stored.
  var hasOnlyFloats: Bool { storage == .float32 && mode != .quantized }
}

/// What the factors of convolutions and dense layers are; sums are float32.
enum Products: Equatable, Sendable {
  case float32
  /// See `Int16Products`.
  case int16
}

/// Sizes that an instruction set's kernels work in.
struct KernelTiles: Equatable, Sendable {
  /// Channels of a group: numbers of a vector.
  var lanes: Int
  /// Channels of a panel; columns of a tile of a matrix product.
  var panelLanes: Int
  /// Rows of a tile of a matrix product.
  var rows: Int

  init(_ kernels: any KernelTable) {
    lanes = kernels.lanes
    panelLanes = kernels.panelLanes
    rows = kernels.tileRows
  }
}

/// Where everything lies that goes from one operator to the next, and which operators there are.
///
/// Made from groups and sizes alone, before anything is allocated.
struct MemoryPlan: Equatable, Sendable {
  /// What flows between two operators: the output of one, the input of others.
  struct Value: Equatable, Sendable {
    /// The last layer that had a part in it, or `input`.
    let name: String
    let shape: ValueShape
    let place: Place
    /// Which of `gradients` its gradient lies in; nil where nobody needs it.
    let gradient: Int?
    /// What a byte is multiplied by: see `Values`.
    var step: Float = 1
  }

  enum Place: Equatable, Sendable {
    case stored(Storage)
    /// Nowhere: the convolution that reads it computes it, chunk by chunk, in each pass.
    case computed
    /// With another value, that it is equal to.
    case shared(with: Int)
  }

  /// A pointwise stage, computed by up to three operators together.
  struct Stage: Equatable, Sendable {
    let group: PointwiseGroup
    let input: Int
    let output: Int
  }

  enum Operation: Equatable, Sendable {
    case quantizedInput(LayerNode, input: Int)
    /// `pooled` is what a pooling makes of the output.
    case convolution(ConvolutionGroup, ConvolutionMethod, input: Int, output: Int, pooled: Int?)
    case pointwiseInput(PointwiseGroup, hasMoments: Bool)
    case statistics(PointwiseGroup)
    case pointwiseOutput(PointwiseGroup, output: Int)
    case dense(DenseGroup, input: Int, output: Int)
    case single(LayerNode, input: Int, output: Int)
    case rowActivation(RowActivationGroup, input: Int, output: Int)
    /// Where the two branches of a residual block begin.
    case fork(input: Int, shortcut: Int)
    /// Where they meet.
    case sum(ResidualGroup, layers: Int, shortcut: Int, output: Int)
  }

  private(set) var values: [Value] = []
  private(set) var stages: [Stage] = []
  /// In the order of the forward pass.
  private(set) var operations: [Operation] = []
  /// Floats an image of each gradient buffer.
  private(set) var gradients: [Int] = []
  private(set) var scratch = ScratchSize()
  let target: PlanTarget

  /// Gradient buffers that are taken in turns.
  private enum Ring: Hashable {
    /// Along a chain of layers only the gradients of three neighbours are needed at a time, those
    /// around a convolution and the stage after it. While the layers of a residual block go
    /// backward, the gradient of its shortcut waits: so a shortcut inside `depth` blocks, its own
    /// included, has buffers of its own. The layers of a block use those of the chain that it is in.
    case chain(Int)
    /// The gradient of a block's sum is that of both branches, and waits for the second; the next
    /// block leaves its own beside it.
    case sums(Int)

    var count: Int {
      switch self {
      case .chain: 3
      case .sums: 2
      }
    }
  }

  private var rings: [Ring: [Int?]] = [:]

  /// - Parameter input: one image.
  /// - Throws: `internal` for groups that do not fit together, `outOfMemory` for a batch that no
  ///   machine has the memory for.
  init(_ groups: [Group], input: ValueShape, target: PlanTarget) throws {
    self.target = target
    // Sizes beyond that would overflow.
    guard target.batchSize <= 1 << 40 else {
      throw MemoryNeed.failure(.max, for: "the activations of \(target.batchSize) images")
    }
    // Nobody asks for the gradient of the images; only a convolution knows how to leave it out.
    var leavesOutGradient = false
    if case .convolution? = groups.first { leavesOutGradient = true }
    let gradient = leavesOutGradient ? nil : buffer(.chain(0), after: nil)
    var quantize: LayerNode?
    if case .quantizedInput(let node)? = groups.first { quantize = node }
    let images = add("input", input, .stored(.float32), gradient, quantize)
    _ = try add(groups, from: images, ring: .chain(0), depth: 0)
  }

  /// What goes into the first operator.
  var input: Int { 0 }
  /// What comes out of the last.
  var output: Int { values.count - 1 }

  // MARK: Bytes

  func bytes(_ value: Value) -> Int {
    guard case .stored(let storage) = value.place else { return 0 }
    return saturating(floats(value.shape), target.batchSize, storage.bytes)
  }

  var valueBytes: Int { values.reduce(0) { saturating(adding: $0, bytes($1)) } }

  var gradientBytes: Int {
    gradients.reduce(0) { saturating(adding: $0, saturating($1, target.batchSize, 4)) }
  }

  /// What the stages keep from the forward to the backward pass.
  var stageBytes: Int {
    stages.reduce(0) {
      saturating(adding: $0, saturating(Pointwise.savedBytes($1.group, target), target.batchSize))
    }
  }

  var scratchBytes: Int { scratch.bytes(threads: target.threads) }

  /// Everything.
  var bytes: Int {
    [valueBytes, gradientBytes, stageBytes, scratchBytes].reduce(0) { saturating(adding: $0, $1) }
  }

  private func floats(_ shape: ValueShape) -> Int {
    Activation.stride(of: shape, lanes: target.tiles.lanes)
  }

  private func saturating(_ factors: Int...) -> Int {
    factors.reduce(1) { product, factor in
      let (result, overflow) = product.multipliedReportingOverflow(by: factor)
      return overflow ? .max : result
    }
  }

  private func saturating(adding a: Int, _ b: Int) -> Int {
    let (result, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : result
  }

  // MARK: Layout

  private mutating func add(
    _ name: String, _ shape: ValueShape, _ place: Place? = nil, _ gradient: Int?,
    _ quantize: LayerNode? = nil
  ) -> Int {
    var stored = Storage.float32
    if case .image = shape { stored = target.storage }
    if case .quantize(let scale, let dtype)? = quantize?.spec {
      values.append(
        Value(
          name: name, shape: shape, place: .stored(dtype == .uint8 ? .uint8 : .int8),
          gradient: nil, step: Float(scale)))
      return values.count - 1
    }
    if let gradient { gradients[gradient] = max(gradients[gradient], floats(shape)) }
    values.append(
      Value(name: name, shape: shape, place: place ?? .stored(stored), gradient: gradient))
    return values.count - 1
  }

  /// The output of an operator that reads `input`.
  private mutating func add(
    _ node: LayerNode, after input: Int, _ ring: Ring, _ quantize: LayerNode? = nil
  ) -> Int {
    add(node.path, node.output, nil, buffer(ring, after: values[input].gradient), quantize)
  }

  /// The gradient buffer of a ring that follows `other`; the first if that is not of this ring.
  private mutating func buffer(_ ring: Ring, after other: Int?) -> Int? {
    guard target.training else { return nil }
    var buffers = rings[ring] ?? [Int?](repeating: nil, count: ring.count)
    let place = buffers.firstIndex { $0 != nil && $0 == other }
    let next = place.map { ($0 + 1) % ring.count } ?? 0
    if let buffer = buffers[next] { return buffer }
    gradients.append(0)
    buffers[next] = gradients.count - 1
    rings[ring] = buffers
    return gradients.count - 1
  }

  /// - Returns: what comes out of the last group.
  private mutating func add(
    _ groups: [Group], from input: Int, ring: Ring, depth: Int
  ) throws -> Int {
    var value = input
    for group in groups { value = try add(group, from: value, ring: ring, depth: depth) }
    return value
  }

  private mutating func add(
    _ group: Group, from input: Int, ring: Ring, depth: Int
  ) throws -> Int {
    switch group {
    case .convolution(let group):
      return try add(group, from: input, ring: ring)
    case .quantizedInput(let node):
      operations.append(.quantizedInput(node, input: input))
      return input
    case .pointwiseInput(let stage, let hasMoments):
      operations.append(.pointwiseInput(stage, hasMoments: hasMoments))
      return input
    case .statistics(let stage):
      operations.append(.statistics(stage))
      return input
    case .pointwiseOutput(let stage):
      let output = add(
        stage, from: input, .stored(target.storage), buffer(ring, after: values[input].gradient))
      operations.append(.pointwiseOutput(stage, output: output))
      return output
    case .dense(let group):
      let output = add(group.last, after: input, ring)
      operations.append(.dense(group, input: input, output: output))
      scratch.formUnion(Dense.scratch(target))
      return output
    case .single(let node):
      let output = add(node, after: input, ring)
      operations.append(.single(node, input: input, output: output))
      scratch.formUnion(try node.singleLayer().scratch(node, target))
      return output
    case .rowActivation(let group):
      guard let last = group.layers.last else { return input }
      let output = add(last, after: input, ring)
      operations.append(.rowActivation(group, input: input, output: output))
      return output
    case .residual(let group):
      return try add(group, from: input, ring: ring, depth: depth)
    }
  }

  private mutating func add(
    _ stage: PointwiseGroup, from input: Int, _ place: Place, _ gradient: Int?
  ) -> Int {
    let last = stage.layers[stage.layers.count - 1]
    let output = add(last.path, last.output, place, gradient, stage.quantize)
    stages.append(Stage(group: stage, input: input, output: output))
    scratch.formUnion(Pointwise.scratch(stage, target))
    return output
  }

  private mutating func add(_ group: ConvolutionGroup, from input: Int, ring: Ring) throws -> Int {
    var input = input
    if let stage = group.prologue {
      let isComputed = target.training && stage.isCheapToRecompute
      input = add(
        stage, from: input, isComputed ? .computed : .stored(target.storage),
        buffer(ring, after: values[input].gradient))
    }
    let shape = try ConvolutionShape(group.node)
    let method = target.convolution.method(
      for: shape, needsInputGradient: values[input].gradient != nil,
      readsBytes: isBytes(input), pools: group.pool != nil, target)
    let output = add(group.last, after: input, ring, group.quantize)
    let pooled = group.pooling.map {
      add($0, from: output, .stored(target.storage), buffer(ring, after: values[output].gradient))
    }
    operations.append(
      .convolution(group, method, input: input, output: output, pooled: pooled))
    scratch.formUnion(method.scratch)
    if values[input].place == .computed {
      scratch.formUnion(
        ScratchSize(worker: method.imagesAtOnce * floats(values[input].shape), for: .images))
    }
    if Convolution.recomputesGradients(group, method) {
      scratch.formUnion(
        ScratchSize(worker: method.imagesAtOnce * floats(values[output].shape), for: .gradients))
    }
    return pooled ?? output
  }

  private func isBytes(_ value: Int) -> Bool {
    switch values[value].place {
    case .stored(let storage): storage.isBytes
    case .shared(let other): isBytes(other)
    case .computed: false
    }
  }

  /// The way through the layers, then the shortcut, then their sum with the ReLU that may follow.
  private mutating func add(
    _ group: ResidualGroup, from input: Int, ring: Ring, depth: Int
  ) throws -> Int {
    let gradient = buffer(.sums(depth), after: values[input].gradient)
    let branch = Ring.chain(depth + 1)
    let isIdentity = group.shortcut.isEmpty && group.shortcutEnd == nil
    let start = add(
      "\(group.node.path).shortcut", values[input].shape, .shared(with: input),
      isIdentity ? gradient : buffer(branch, after: nil))
    operations.append(.fork(input: input, shortcut: start))
    var layers = try add(group.layers, from: input, ring: ring, depth: depth + 1)
    var shortcut = try add(group.shortcut, from: start, ring: branch, depth: depth + 1)
    if let stage = group.layersEnd { layers = add(stage, from: layers, .computed, gradient) }
    if let stage = group.shortcutEnd { shortcut = add(stage, from: shortcut, .computed, gradient) }
    let output = add(group.last.path, group.node.output, nil, gradient, group.quantize)
    operations.append(.sum(group, layers: layers, shortcut: shortcut, output: output))
    scratch.formUnion(ResidualSum.scratch(group, target))
    return output
  }
}

extension ConvolutionShape {
  /// - Throws: `internal` for a layer that is no convolution with its options spelled out.
  init(_ node: LayerNode) throws {
    guard case .conv2d(let filters, let kernel, let stride, let padding?, _, _, _, _) = node.spec,
      case .image(let channels, let height, let width) = node.input
    else { throw CifarError(.internal, "layer \(node.label) is no resolved convolution") }
    let zeros = padding.amounts(size: height, kernel: kernel, stride: stride)
    self.init(
      inputChannels: channels, outputChannels: filters, height: height, width: width,
      kernel: kernel, stride: stride, padding: zeros.before, paddingAfter: zeros.after)
  }
}
