import CifarCore
import Kernels

/// A network made ready for batches of one size: fused steps, every buffer laid out.
///
/// A plan belongs to one thread at a time; it spreads its work over the pool itself. After `init`
/// it allocates nothing.
public final class Plan {
  public let network: Network
  /// The most images a call may pass.
  public let batchSize: Int
  /// Whether the plan can train; without, it has no gradients.
  public let training: Bool
  /// Which loss is computed; weights are those of training alone.
  public var loss = LossOptions()

  let kernels: any KernelTable
  private let pool: ThreadPool
  private let operators: [any Operator]
  /// What each of them is, for the pool's trace; empty without one.
  private let names: [String]
  private let images: Activation
  private let logits: Activation
  /// (batchSize), what the loss of each image is multiplied by.
  private let scales: AlignedBuffer<Float>
  /// The same for the second labels of images that are mixed.
  private let otherScales: AlignedBuffer<Float>
  private let classes: Int
  /// The first operator that has something to train: nothing needs gradients before it.
  private var firstTrained = 0
  private var trainedVersion = -1
  /// The processes that the batches are shared with, and how their gradients are summed.
  private var peers: Peers?
  private var exchange: GradientExchange?

  /// - Parameters:
  ///   - precision: how images are kept between two layers.
  ///   - kernels: the instruction set to use; others than the current are for tests.
  /// - Throws: `unsupported` for a quantized network that is to be trained, or a precision that it
  ///   does not have; `invalidArgument` for a batch size below 1 or an unknown word in `CIFAR_ISA` or
  ///   `CIFAR_CONV`, `unsupported` if `CIFAR_ISA` names an instruction set that this machine does not
  ///   have, `outOfMemory`.
  public convenience init(
    network: Network, batchSize: Int, training: Bool, pool: ThreadPool,
    precision: Precision = .float32, kernels: any KernelTable = Kernels.current
  ) throws {
    try self.init(
      network: network, batchSize: batchSize, training: training, pool: pool,
      precision: precision, kernels: kernels, observer: nil)
  }

  /// - Parameter observer: sees the input of each `quantize` layer, which then does nothing.
  init(
    network: Network, batchSize: Int, training: Bool, pool: ThreadPool,
    precision: Precision = .float32, kernels: any KernelTable, observer: QuantizeObserver?
  ) throws {
    guard batchSize >= 1 else {
      throw CifarError(.invalidArgument, "batch size \(batchSize) is not at least 1")
    }
    try Kernels.check()
    if training { try network.spec.requireTrainable() }
    try precision.check(for: network.spec)
    self.network = network
    self.batchSize = batchSize
    self.training = training
    self.kernels = kernels
    self.pool = pool
    let target = PlanTarget(
      mode: PlanMode(training: training, precision), batchSize: batchSize, threads: pool.threads,
      storage: precision.storage,
      products: precision.products, convolution: try Environment.convolution.get(),
      tiles: KernelTiles(kernels))
    let nodes = try network.nodes()
    let groups = fuse(nodes, target.mode, convolution: target.convolution)
    let memory = try MemoryPlan(groups, input: nodes[0].input, target: target)
    try MemoryNeed.check(memory.bytes, for: "the activations of \(batchSize) images")
    let context = OperatorContext(
      network: network, kernels: kernels, pool: pool,
      scratch: try Scratch(memory.scratch, threads: pool.threads), target: target,
      observer: observer)
    let assembly = try Assembly(memory, context)
    operators = assembly.operators
    names = pool.trace == nil ? [] : groups.flatMap(\.lines)
    images = assembly.activations[memory.input]
    logits = assembly.activations[memory.output]
    classes = network.spec.classes
    scales = try AlignedBuffer(count: training ? batchSize : 0)
    otherScales = try AlignedBuffer(count: training ? batchSize : 0)
  }

  /// Forward and backward; leaves the gradients of the loss in the network, mean or sum.
  ///
  /// - Parameters:
  ///   - images: (count, channels, height, width), normalised.
  ///   - labels: (count), each in 0 ..< classes.
  ///   - weights: (count), what each image counts, 0 or above; nil where all count alike.
  ///   - mixed: second labels; nil where images are not mixed.
  ///   - count: from 1 to `batchSize`.
  ///   - seed: with `step` the source of the dropout masks.
  public func trainStep(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    weights: UnsafePointer<Float>? = nil, mixed: MixedLabels? = nil, count: Int, seed: UInt64,
    step: UInt64
  ) -> BatchResult {
    trainStep(
      images: images, labels: labels, weights: weights, mixed: mixed,
      batch: BatchPartition(count), seed: seed, step: step)
  }

  /// Makes the batches of this plan shared ones: calls are given the images of `Peers.images`, and all
  /// processes make the same calls. Gradients and results are those of the whole batch.
  ///
  /// - Throws: `outOfMemory`.
  public func share(with peers: Peers) throws {
    self.peers = peers
    guard training else { return }
    try network.allocateGradients()
    exchange = try GradientExchange(
      network: network,
      parameters: operators.map {
        $0.sumsOverPeers && peers.sharesBatchNorm ? [] : $0.parameters
      }, peers: peers, kernels: kernels)
  }

  /// The most images that a process has of a batch.
  public static func share(of batchSize: Int, among peers: Peers) -> Int {
    // A smaller batch may be cut where one more falls to this process.
    min(batchSize, peers.partition(batchSize).count + 1)
  }

  /// `trainStep` of a batch that is shared.
  ///
  /// - Parameter total: images of the batch, in all processes.
  /// - Throws: what ended the exchange with the others.
  public func trainStep(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    weights: UnsafePointer<Float>? = nil, mixed: MixedLabels? = nil, total: Int, seed: UInt64,
    step: UInt64
  ) throws -> BatchResult {
    let result = trainStep(
      images: images, labels: labels, weights: weights, mixed: mixed,
      batch: peers?.partition(total) ?? BatchPartition(total), seed: seed, step: step)
    try peers?.check()
    return result
  }

  /// - Parameter batch: says which of its images are here.
  func trainStep(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    weights: UnsafePointer<Float>? = nil, mixed: MixedLabels? = nil, batch: BatchPartition,
    seed: UInt64, step: UInt64
  ) -> BatchResult {
    precondition(training, "the plan was made without training")
    let pass = Pass(images: batch, peers: peers, training: true, seed: seed, step: step)
    forward(images, pass)
    pool.trace?.name = "loss"
    var result = lossAndGradient(labels, weights, mixed, pass)
    if let peers { result = peers.sum([result], ofBatches: [batch.total])[0] }
    backward(pass)
    return result
  }

  private func lossAndGradient(
    _ labels: UnsafePointer<Int32>, _ weights: UnsafePointer<Float>?, _ mixed: MixedLabels?,
    _ pass: Pass
  ) -> BatchResult {
    let (hasScales, divisor) = loss.fillScales(
      labels: labels, ofImages: weights, pass: pass, to: scales.pointer)
    let scales = hasScales ? UnsafePointer(scales.pointer) : nil
    var result: BatchResult
    if let mixed {
      // The weights of the second labels are those of the first in another order: either all count
      // alike or none do, and their sum is the same.
      let (hasOthers, _) = loss.fillScales(
        labels: mixed.labels, ofImages: mixed.weights, pass: pass, to: otherScales.pointer)
      result = SoftmaxCrossEntropy.evaluate(
        logits: logits.values, labels: labels, mixed: mixed, batch: pass.images, classes: classes,
        scales: scales, otherScales: hasOthers ? UnsafePointer(otherScales.pointer) : nil,
        gradient: logits.gradient, options: loss, kernels: kernels)
    } else {
      result = SoftmaxCrossEntropy.evaluate(
        logits: logits.values, labels: labels, batch: pass.images, classes: classes,
        scales: scales, gradient: logits.gradient, options: loss, kernels: kernels)
    }
    result.lossSum /= divisor
    return result
  }

  private func backward(_ pass: Pass) {
    if trainedVersion != network.trainedVersion {
      trainedVersion = network.trainedVersion
      let first = operators.firstIndex { $0.parameters.contains(where: network.isTrained) }
      firstTrained = network.trained == nil ? 0 : first ?? operators.count
    }
    var exchanged = 0
    for index in operators.indices.reversed() where index >= firstTrained {
      var pass = pass
      pass.needsInputGradient = index > firstTrained || network.trained == nil
      pool.trace?.name = "backward " + names[index]
      operators[index].backward(pass)
      // One part an operator, beside the next ones: a batch normalization's own sums wait behind it.
      if let peers, let exchange, exchanged < exchange.parts(after: index) {
        peers.beginSum(exchange, exchanged)
        exchanged += 1
      }
    }
    guard let peers, let exchange else { return }
    while exchanged < exchange.partCount {
      peers.beginSum(exchange, exchanged)
      exchanged += 1
    }
    peers.waitForSums()
  }

  /// Forward with the running statistics and without dropout.
  public func evaluate(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int
  ) -> BatchResult {
    evaluate(images: images, labels: labels, batch: BatchPartition(count))
  }

  /// The same of this process's images of a shared batch: the results of all processes, added along the
  /// tree, are that of the batch.
  ///
  /// - Parameter total: images of the batch, in all processes.
  public func evaluate(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>, partOf total: Int
  ) -> BatchResult {
    evaluate(
      images: images, labels: labels, batch: peers?.partition(total) ?? BatchPartition(total))
  }

  private func evaluate(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>, batch: BatchPartition
  ) -> BatchResult {
    forward(images, Pass(images: batch, training: false))
    return SoftmaxCrossEntropy.evaluate(
      logits: logits.values, labels: labels, batch: batch, classes: classes, gradient: nil,
      options: loss, kernels: kernels)
  }

  /// The probability of each class.
  ///
  /// - Parameter probabilities: (count, classes), overwritten.
  public func predict(
    images: UnsafePointer<Float>, count: Int, probabilities: UnsafeMutablePointer<Float>
  ) {
    forward(images, Pass(count: count, training: false))
    kernels.softmax(logits.values, rows: count, classes: classes, probabilities: probabilities)
  }

  /// The logits of the last batch, (batchSize, classes).
  var lastLogits: UnsafePointer<Float> { UnsafePointer(logits.values) }

  /// The forward pass alone: see `lastLogits`.
  func infer(_ images: UnsafePointer<Float>, count: Int) {
    forward(images, Pass(count: count, training: false))
  }

  private func forward(_ source: UnsafePointer<Float>, _ pass: Pass) {
    let input = network.spec.input
    let pixels = input[1] * input[2]
    pool.trace?.name = "images"
    pool.forEach(pass.count) { image, _ in
      let planar = source + image * input[0] * pixels
      if images.stored.storage.isBytes {
        kernels.blockQuantized(
          planar, channels: input[0], pixels: pixels, to: images.stored + image * images.stride)
      } else {
        kernels.block(
          planar, channels: input[0], pixels: pixels, to: images.values + image * images.stride)
      }
    }
    for (index, step) in operators.enumerated() {
      pool.trace?.name = "forward " + names[index]
      step.forward(pass)
    }
  }
}
