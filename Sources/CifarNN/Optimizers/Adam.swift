import CheckpointFormat
import CifarCore
import Glibc
import Kernels

public struct AdamOptions: Codable, Equatable, Sendable {
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double

  /// PyTorch's epsilon is 1e-8, Keras's 1e-7.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }
}

/// Adam (Kingma & Ba 2015) over parameters of a network; the formula stands at `AdamStep`. With
/// decoupled weight decay it is AdamW (Loshchilov & Hutter 2019).
///
/// The network's dialect decides where epsilon is added: to √v̂ as PyTorch does, or to √v before
/// the bias correction as Keras does.
public final class Adam: Optimizer {
  public let options: AdamOptions
  /// Steps taken so far.
  public private(set) var stepCount = 0

  private let network: Network
  private let pool: ThreadPool
  private let kernels: any KernelTable
  private let subset: ParameterSubset
  private let preparation: GradientPreparation
  // PyTorch's words for the first and the second moments.
  private let averages: OptimizerSlot
  private let squares: OptimizerSlot

  /// - Parameter subset: what it moves; nil for all parameters.
  public init(
    network: Network, options: AdamOptions, gradients: GradientOptions = GradientOptions(),
    subset: ParameterSubset? = nil, pool: ThreadPool, kernels: any KernelTable = Kernels.current
  ) throws {
    self.network = network
    self.kernels = kernels
    self.options = options
    self.pool = pool
    let subset = subset ?? network.allParameters
    self.subset = subset
    preparation = try GradientPreparation(
      network: network, options: gradients, subset: subset, pool: pool, kernels: kernels)
    averages = try OptimizerSlot("exp_avg", subset)
    squares = try OptimizerSlot("exp_avg_sq", subset)
  }

  public func step(learningRate: Double) {
    preparation.run(learningRate: learningRate)
    stepCount += 1
    let correction1 = 1 - pow(options.beta1, Double(stepCount))
    let correction2 = 1 - pow(options.beta2, Double(stepCount))
    let root = correction2.squareRoot()
    let step =
      switch network.dialect {
      case .pytorch: numbers(rate: learningRate / correction1, rootScale: 1 / root)
      case .keras: numbers(rate: learningRate * root / correction1, rootScale: 1)
      }
    pool.forEach(subset.chunks.count) { index, _ in
      let chunk = subset.chunks[index]
      kernels.adam(
        count: chunk.count, parameters: network.values.pointer + chunk.place,
        gradients: network.gradients.pointer + chunk.place,
        averages: averages.buffer.pointer + chunk.slot,
        squares: squares.buffer.pointer + chunk.slot, step: step)
    }
    network.weightsChanged()
  }

  private func numbers(rate: Double, rootScale: Double) -> AdamStep {
    AdamStep(
      beta1: Float(options.beta1), beta2: Float(options.beta2), rate: Float(rate),
      rootScale: Float(rootScale), epsilon: Float(options.epsilon))
  }

  public func stateTensors() -> [Tensor] {
    averages.tensors() + squares.tensors()
  }

  public var stateNames: [String] {
    averages.names + squares.names
  }

  public var stateBytes: Int { averages.bytes + squares.bytes }

  public func load(_ tensors: [Tensor], stepCount: Int) throws {
    try OptimizerSlot.load([averages, squares], tensors)
    self.stepCount = stepCount
  }
}
