import CheckpointFormat
import CifarCore
import CifarNN

extension Trainer {
  /// Everything needed to continue as if nothing had happened, as a safetensors file.
  ///
  /// - Throws: `outOfMemory`; nothing has changed then.
  public func checkpoint() throws -> [UInt8] {
    let size = network.stateBytes + sizeOfRest
    // The numbers once as tensors and once as a file.
    return try MemoryNeed.secured(2 * size + (1 << 17), for: "the bytes of a checkpoint") {
      try evaluated {
        try Checkpoint(
          hyperparameters: hyperparameters, state: completeState,
          tensors: network.stateTensors() + tensorsOfRest()
        ).encoded()
      }
    }
  }

  /// The same to be used and, later perhaps, encoded; it stays as it is while the trainer continues.
  ///
  /// - Throws: `outOfMemory`; nothing has changed then.
  public func snapshot() throws -> TrainerSnapshot {
    try MemoryNeed.secured(sizeOfRest + (1 << 17), for: "the trainer's state") {
      try evaluated {
        TrainerSnapshot(
          network: try Network(copying: network), hyperparameters: hyperparameters,
          isChosen: hasChosenWeights, epoch: endEpoch > 0 ? endEpoch : epoch,
          state: completeState, rest: tensorsOfRest())
      }
    }
  }

  private var completeState: TrainerState {
    var state = self.state
    state.callbacks = callbacks.map(\.state)
    return state
  }

  /// What a checkpoint has besides the network; to be asked for while the network has the weights
  /// that it is to be judged by.
  private func tensorsOfRest() -> [Tensor] {
    optimizer.stateTensors() + (lookahead?.stateTensors() ?? [])
      + (average?.stateTensors() ?? [])
      + (bestWeights ?? []).map { $0.named(as: .best) }
  }

  private var sizeOfRest: Int {
    optimizer.stateBytes + (lookahead?.stateBytes ?? 0) + (average?.stateBytes ?? 0)
      + (bestWeights == nil ? 0 : network.stateBytes)
  }

  /// Checks whether a training could continue from a checkpoint, as far as that can be told without its
  /// images: every tensor of the network and of the optimizer is there, in its shape.
  public static func check(_ checkpoint: Checkpoint) throws {
    let hyperparameters = checkpoint.hyperparameters
    if let data = hyperparameters.data {
      let perPass = max(1, hyperparameters.batches(of: data.trainCount))
      try check(
        checkpoint.state, batches: hyperparameters.stepsPerEpoch ?? perPass,
        batchesPerPass: perPass)
    }
    let network = try Network(
      spec: hyperparameters.modelSpec, dialect: hyperparameters.dialect, seed: 0)
    let pool = ThreadPool(threads: 1)
    try load(
      checkpoint, network, try hyperparameters.optimizer.make(network: network, pool: pool),
      try hyperparameters.lookahead?.make(network: network, pool: pool),
      try hyperparameters.ema.map {
        try WeightAverage(network: network, decay: $0, pool: pool)
      })
    guard checkpoint.state.callbacks.count == hyperparameters.callbacks.count else {
      throw CifarError(.badData, "the checkpoint's callbacks are not those of its hyperparameters")
    }
  }

  /// Takes over all that a checkpoint has.
  ///
  /// - Parameter goesFurther: whether more epochs were asked for.
  /// - Throws: `badData` for a position that this training can't come to, `notFinite` for weights
  ///   that nothing can be learned from, `shapeMismatch` for those of another model.
  func restore(_ checkpoint: Checkpoint, goesFurther: Bool) throws {
    try Trainer.check(
      checkpoint.state, batches: batchesPerEpoch, batchesPerPass: batchesPerPass)
    try Trainer.load(checkpoint, network, optimizer, lookahead, average)
    let best = checkpoint.tensors.filter { $0.role == .best }
    bestWeights = best.isEmpty ? nil : best.map { $0.named(as: .model) }
    state = checkpoint.state
    for (callback, stored) in zip(callbacks, state.callbacks) { callback.state = stored }
    // Someone who asks for more epochs wants them, also where early stopping ended the run.
    if goesFurther, state.stopReason != nil {
      for callback in callbacks { callback.trainingExtended() }
      (state.stopReason, state.hasDiverged) = (nil, nil)
    }
  }

  /// Hands the tensors to those that compute with them. None may be missing, and none be left over.
  private static func load(
    _ checkpoint: Checkpoint, _ network: Network, _ optimizer: OptimizerGroups,
    _ lookahead: Lookahead?, _ average: WeightAverage?
  ) throws {
    let tensors = checkpoint.tensors
    try checkpoint.requireFullState()
    try checkpoint.requireFinite(TensorRole.allCases)
    if tensors.contains(where: { $0.role == .best }) { try network.check(tensors, as: .best) }
    try network.load(tensors)
    try optimizer.load(tensors, stepCount: checkpoint.state.step)
    try lookahead?.load(tensors)
    try average?.load(tensors, stepCount: checkpoint.state.step)
    let known = Set(
      optimizer.stateNames + (lookahead?.stateNames ?? []) + (average?.stateNames ?? []))
    let extra = tensors.first { $0.role == .optimizer && !known.contains($0.name) }
    if let extra {
      throw CifarError(
        .shapeMismatch,
        "the checkpoint has a tensor '\(extra.name.excerpt)', which its optimizer does not know")
    }
  }

  /// Batch and step must be those of the epochs and of the images that there are.
  private static func check(
    _ state: TrainerState, batches: Int, batchesPerPass: Int
  ) throws {
    guard state.batch <= batches else {
      throw TrainerState.illegal("batch", "\(state.batch)", "from 0 to the epoch's \(batches)")
    }
    // An epoch that a callback ended early had fewer steps, but one at least.
    let (before, overflow) = state.epoch.multipliedReportingOverflow(by: batches)
    let legal = state.epoch + state.batch...max(before, state.epoch) + state.batch
    guard !overflow, legal.contains(state.step) else {
      throw TrainerState.illegal(
        "step", "\(state.step)",
        "possible after \(state.epoch) epochs of \(batches) batches and \(state.batch) more")
    }
    // Passes over the images key the random numbers, with 32 bits.
    guard state.step / batchesPerPass < Int(UInt32.max) - 1 else {
      throw TrainerState.illegal(
        "step", "\(state.step)", "within 2³² passes of \(batchesPerPass) batches over the images")
    }
  }
}
