import CheckpointFormat
import CifarCore
import Kernels

/// Optimizers that share the parameters of a network, each with some of them and a rate of its own.
public final class OptimizerGroups {
  private let network: Network
  private let optimizers: [any Optimizer]
  private let subsets: [ParameterSubset]
  /// Over all parameters together; nil where each optimizer clips its own, or none does.
  private let clipping: GradientPreparation?

  /// - Parameters:
  ///   - groups: no parameter in two of them. Where there is more than one, none clips gradients.
  ///   - clipping: of the gradients of all groups.
  /// - Throws: `outOfMemory`.
  public init(
    network: Network, groups: [(subset: ParameterSubset, optimizer: any Optimizer)],
    clipping: GradientClipping = .none, pool: ThreadPool,
    kernels: any KernelTable = Kernels.current
  ) throws {
    self.network = network
    optimizers = groups.map(\.optimizer)
    subsets = groups.map(\.subset)
    self.clipping =
      clipping == .none
      ? nil
      : try GradientPreparation(
        network: network, options: GradientOptions(clipping: clipping),
        subset: network.allParameters, pool: pool, kernels: kernels)
  }

  /// Says which groups the next training steps are for: others get no gradients.
  public func setTrained(_ trained: [Bool]) {
    network.setTrained(
      Set(zip(subsets, trained).flatMap { $1 ? $0.parameters.map(\.name) : [] }))
  }

  /// - Parameter learningRates: one a group; nil leaves it as it is.
  public func step(learningRates: [Double?]) {
    clipping?.run(learningRate: 0)
    for (optimizer, rate) in zip(optimizers, learningRates) {
      if let rate { optimizer.step(learningRate: rate) }
    }
  }

  public func stateTensors() -> [Tensor] { optimizers.flatMap { $0.stateTensors() } }

  public var stateNames: [String] { optimizers.flatMap(\.stateNames) }
  public var stateBytes: Int { optimizers.reduce(0) { $0 + $1.stateBytes } }

  /// - Throws: as `Optimizer.load`.
  public func load(_ tensors: [Tensor], stepCount: Int) throws {
    for optimizer in optimizers { try optimizer.load(tensors, stepCount: stepCount) }
  }
}
