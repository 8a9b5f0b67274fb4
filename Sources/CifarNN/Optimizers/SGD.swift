import CheckpointFormat
import CifarCore
import Kernels

public struct SGDOptions: Equatable, Sendable {
  public var momentum: Double
  public var nesterov: Bool

  public init(momentum: Double = 0, nesterov: Bool = false) {
    self.momentum = momentum
    self.nesterov = nesterov
  }
}

/// Stochastic gradient descent with momentum (Sutskever et al. 2013), over parameters of a
/// network; the formula of a kernel's step stands at `SGDStep`.
///
/// PyTorch:  m = µ·m + g;       w = w − rate · m,  or with Nesterov  w − rate · (g + µ·m)
/// Keras:    m = µ·m − rate·g;  w = w + m,         or with Nesterov  w + µ·m − rate·g
///
/// They part where the rate changes: PyTorch's applies to the whole momentum at once, Keras's to
/// what is new in it. The network's dialect decides.
public final class SGD: Optimizer {
  private let network: Network
  private let options: SGDOptions
  private let pool: ThreadPool
  private let kernels: any KernelTable
  private let subset: ParameterSubset
  private let preparation: GradientPreparation
  /// nil without momentum.
  private let momentum: OptimizerSlot?

  /// - Parameter subset: what it moves; nil for all parameters.
  public init(
    network: Network, options: SGDOptions, gradients: GradientOptions = GradientOptions(),
    subset: ParameterSubset? = nil, pool: ThreadPool, kernels: any KernelTable = Kernels.current
  ) throws {
    self.network = network
    self.options = options
    self.pool = pool
    self.kernels = kernels
    let subset = subset ?? network.allParameters
    self.subset = subset
    preparation = try GradientPreparation(
      network: network, options: gradients, subset: subset, pool: pool, kernels: kernels)
    momentum =
      options.momentum == 0
      ? nil : try OptimizerSlot("momentum_buffer", subset)
  }

  public func step(learningRate: Double) {
    preparation.run(learningRate: learningRate)
    let step =
      switch network.dialect {
      case .pytorch: numbers(gradientFactor: 1, stepFactor: -learningRate)
      case .keras: numbers(gradientFactor: -learningRate, stepFactor: 1)
      }
    pool.forEach(subset.chunks.count) { index, _ in
      let chunk = subset.chunks[index]
      kernels.sgd(
        count: chunk.count, parameters: network.values.pointer + chunk.place,
        gradients: network.gradients.pointer + chunk.place,
        momenta: momentum.map { $0.buffer.pointer + chunk.slot }, step: step)
    }
    network.weightsChanged()
  }

  private func numbers(gradientFactor: Double, stepFactor: Double) -> SGDStep {
    SGDStep(
      momentum: Float(options.momentum), isNesterov: options.nesterov,
      gradientFactor: Float(gradientFactor), stepFactor: Float(stepFactor))
  }

  public func stateTensors() -> [Tensor] { momentum?.tensors() ?? [] }

  public var stateNames: [String] { momentum?.names ?? [] }
  public var stateBytes: Int { momentum?.bytes ?? 0 }

  public func load(_ tensors: [Tensor], stepCount: Int) throws {
    if let momentum { try OptimizerSlot.load([momentum], tensors) }
  }
}
