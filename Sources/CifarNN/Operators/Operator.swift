import CifarCore
import Kernels

/// One step of a plan: a layer, or several layers that are computed in one pass.
///
/// An operator calls kernels; it has no loops over numbers of its own. It reads its input and writes
/// its output, both made by the plan, and allocates nothing after `init`.
protocol Operator: AnyObject {
  /// The names of what the operator trains.
  var parameters: [String] { get }
  /// Whether it takes the sums for their gradients over all processes of a training itself.
  var sumsOverPeers: Bool { get }

  func forward(_ pass: Pass)

  /// From the output's gradient to the parameters' gradients and, unless the input is the image,
  /// the input's. May overwrite the output's gradient.
  func backward(_ pass: Pass)
}

extension Operator {
  var parameters: [String] { [] }
  var sumsOverPeers: Bool { false }
}

/// What one pass over a batch is about.
struct Pass {
  /// The batch, and which of its images are here: at most as many as the plan was made for.
  var images: BatchPartition
  /// The processes that have the others; nil where all are here.
  var peers: Peers?
  /// Training uses the statistics of the batch and draws dropout masks.
  var training: Bool
  /// Whether anything before the operator is trained: else the gradient of its input may be left out.
  var needsInputGradient = true
  /// With `step` the source of dropout's random numbers.
  var seed: UInt64 = 0
  var step: UInt64 = 0

  /// Images that are here.
  var count: Int { images.count }

  init(
    images: BatchPartition, peers: Peers? = nil, training: Bool, seed: UInt64 = 0, step: UInt64 = 0
  ) {
    self.images = images
    self.peers = peers
    self.training = training
    self.seed = seed
    self.step = step
  }

  /// A batch that is all here.
  init(count: Int, training: Bool, seed: UInt64 = 0, step: UInt64 = 0) {
    self.init(images: BatchPartition(count), training: training, seed: seed, step: step)
  }
}

/// What every operator is made with.
struct OperatorContext {
  let network: Network
  let kernels: any KernelTable
  let pool: ThreadPool
  let scratch: Scratch
  let target: PlanTarget
  /// What `quantize` layers show their input to, instead of rounding it.
  var observer: QuantizeObserver?

  var batchSize: Int { target.batchSize }
  /// Whether `backward` will ever be called.
  var training: Bool { target.training }
  /// How images are stored between two operators.
  var storage: Storage { target.storage }
}
