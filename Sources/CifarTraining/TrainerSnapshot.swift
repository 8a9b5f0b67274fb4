import CheckpointFormat
import CifarCore
import CifarNN

/// A trainer's state at one moment: a copy of the network, and what else a checkpoint has.
public struct TrainerSnapshot {
  /// Has the weights that it is to be judged by.
  public let network: Network
  public let hyperparameters: Hyperparameters
  /// See `Trainer.hasChosenWeights`.
  public let isChosen: Bool
  /// The epoch whose weights they are: the last completed one, unless the best weights were put back.
  public let epoch: Int
  let state: TrainerState
  /// `optimizer.…` and `best.…`, see `Checkpoint`.
  let rest: [Tensor]

  /// Optimizer steps since the start.
  public var step: Int { state.step }

  /// What `Trainer.checkpoint` would have given at that moment, to the byte.
  ///
  /// - Throws: `outOfMemory`.
  public func checkpoint() throws -> [UInt8] {
    let numbers = rest.reduce(0) { $0 + $1.values.count } * MemoryLayout<Float>.stride
    let size = 2 * network.stateBytes + numbers
    return try MemoryNeed.secured(size + (1 << 17), for: "the bytes of a checkpoint") {
      try Checkpoint(
        hyperparameters: hyperparameters, state: state, tensors: network.stateTensors() + rest
      ).encoded()
    }
  }
}

extension TrainerSnapshot {
  /// A training before its first step.
  ///
  /// - Parameter network: with the weights to begin with.
  /// - Throws: `outOfMemory`.
  public init(beginning network: Network, hyperparameters: Hyperparameters) throws {
    self.network = network
    self.hyperparameters = hyperparameters
    isChosen = false
    let pool = ThreadPool(threads: 1)
    let optimizer = try hyperparameters.optimizer.make(network: network, pool: pool)
    let average = try hyperparameters.ema.map {
      try WeightAverage(network: network, decay: $0, pool: pool)
    }
    rest = optimizer.stateTensors() + (average?.stateTensors() ?? [])
    var state = TrainerState(learningRate: hyperparameters.optimizer.learningRate)
    state.callbacks = hyperparameters.callbacks.map { $0.make().state }
    self.state = state
    epoch = state.epoch
  }
}
