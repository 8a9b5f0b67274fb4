import CifarCore
import CifarNN

extension Trainer {
  /// Everything needed to go on as if nothing had happened, as a safetensors file.
  public func checkpoint() throws -> [UInt8] {
    var state = self.state
    state.callbacks = callbacks.map(\.state)
    let best = (bestWeights ?? []).map { tensor in
      Tensor(name: "best." + tensor.name, shape: tensor.shape, values: tensor.values)
    }
    return try Checkpoint(
      hyperparameters: hyperparameters, state: state,
      tensors: network.stateTensors() + optimizer.stateTensors() + best
    ).encoded()
  }

  /// Looks whether a training could go on from a checkpoint, as far as that can be told without its
  /// images: every tensor of the network and of the optimizer is there, in its shape.
  public static func check(_ checkpoint: Checkpoint) throws {
    let hyperparameters = checkpoint.hyperparameters
    let network = try Network(
      spec: hyperparameters.modelSpec, dialect: hyperparameters.dialect, seed: 0)
    try network.load(checkpoint.tensors)
    let optimizer = hyperparameters.optimizer.make(network: network, pool: ThreadPool(threads: 1))
    try optimizer.load(checkpoint.tensors, stepCount: checkpoint.state.step)
    guard checkpoint.state.callbacks.count == hyperparameters.callbacks.count else {
      throw CifarError(.badData, "the checkpoint's callbacks are not those of its hyperparameters")
    }
  }

  /// Takes over all that a checkpoint has.
  ///
  /// - Parameter goesFurther: whether more epochs were asked for.
  func restore(_ checkpoint: Checkpoint, goesFurther: Bool) throws {
    guard checkpoint.state.callbacks.count == callbacks.count else {
      throw CifarError(.badData, "the checkpoint's callbacks are not those of its hyperparameters")
    }
    try network.load(checkpoint.tensors)
    try optimizer.load(checkpoint.tensors, stepCount: checkpoint.state.step)
    let best = checkpoint.tensors.filter { $0.name.hasPrefix("best.") }
    bestWeights =
      best.isEmpty
      ? nil
      : best.map { tensor in
        Tensor(
          name: String(tensor.name.dropFirst("best.".count)), shape: tensor.shape,
          values: tensor.values)
      }
    state = checkpoint.state
    // Somebody who asks for more epochs wants them, also where early stopping ended the run.
    if goesFurther { state.stopReason = nil }
    for (callback, stored) in zip(callbacks, state.callbacks) { callback.state = stored }
  }
}
