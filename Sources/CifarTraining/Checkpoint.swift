import CheckpointFormat
import CifarCore
import CifarNN

/// A checkpoint taken apart: hyperparameters, the trainer's state, and the tensors: the weights and
/// statistics, the optimizer's and, if an earlier epoch had better weights, those.
public struct Checkpoint {
  public let hyperparameters: Hyperparameters
  let state: TrainerState
  public let tensors: [Tensor]
  /// Whether only the weights were kept, of which no training can continue.
  public let isWeightsOnly: Bool
  /// See `CheckpointContainer.isChosen`.
  let saysChosen: Bool?

  /// - Throws: `badData` for bytes that are no checkpoint of this library.
  public init(_ bytes: [UInt8]) throws {
    let container = try CheckpointContainer(bytes)
    tensors = container.tensors
    isWeightsOnly = container.isWeightsOnly
    saysChosen = container.isChosen
    state = try StateCoding.decode(
      TrainerState.self, from: container.state, what: "the checkpoint's state")
    hyperparameters = try StateCoding.decode(
      Hyperparameters.self, from: container.hyperparameters,
      what: "the checkpoint's hyperparameters")
    do {
      try self.hyperparameters.validate()
    } catch let error as CifarError where error.code != .outOfMemory {
      throw CifarError(.badData, "the checkpoint's hyperparameters can't be used: \(error.message)")
    }
    try self.state.validate(for: self.hyperparameters)
    try requireNumbers()
  }

  /// Before memory is taken for a model, the file must have the model's numbers.
  private func requireNumbers() throws {
    let model = try ModelSummary(of: hyperparameters.modelSpec)
    let needed = model.trainable + model.nonTrainable
    let stored = tensors.reduce(0) { $0 + $1.values.count }
    guard needed <= stored else {
      throw CifarError(
        .badData, "the checkpoint has \(stored) numbers, its model needs \(needed) of them")
    }
  }

  /// How long the epoch that it is in had taken.
  public var secondsInEpoch: Double { state.epochSeconds }

  init(hyperparameters: Hyperparameters, state: TrainerState, tensors: [Tensor]) {
    self.hyperparameters = hyperparameters
    self.state = state
    self.tensors = tensors
    isWeightsOnly = false
    saysChosen = nil
  }

  func encoded() throws -> [UInt8] {
    try CheckpointContainer(
      hyperparameters: StateCoding.encode(hyperparameters), state: StateCoding.encode(state),
      tensors: tensors
    ).encoded()
  }

  /// Completed epochs.
  public var epoch: Int { state.epoch }
  /// Batches done in the epoch under way.
  public var batch: Int { state.batch }
  /// Optimizer steps since the start.
  public var step: Int { state.step }

  /// Whether it is of the end of a training whose last epoch had a part of the steps only, as that of
  /// 2.5 epochs has.
  public var endsInPart: Bool {
    let batches = hyperparameters.mostBatches
    return batch == 0 && epoch == hyperparameters.epochs
      && hyperparameters.steps(batches: batches) < epoch * batches
  }

  /// Whether it is of such an end, and so many epochs have more steps.
  public func endsInPart(before epochs: Double) -> Bool {
    let batches = hyperparameters.mostBatches
    return endsInPart
      && Hyperparameters.steps(ofEpochs: epochs, batches: batches)
        > hyperparameters.steps(batches: batches)
  }

  /// Makes sure that a training can continue from it.
  ///
  /// - Throws: `invalidState` where only its weights were kept.
  func requireFullState() throws {
    guard isWeightsOnly else { return }
    throw CifarError(
      .invalidState,
      "the checkpoint has its weights only (cifar-runs slim took the rest), from which no training "
        + "can continue; begin a new run with them: cifar train --init FILE")
  }

  /// Makes sure that tensors hold numbers that something can be computed with.
  ///
  /// - Parameter roles: of the tensors that will be used: a model's own, or all for a training.
  /// - Throws: `notFinite`, naming the tensor and the place within it, for NaN, infinities and
  ///   negative variances.
  public func requireFinite(_ roles: [TensorRole] = [.model]) throws {
    for tensor in tensors where roles.contains(tensor.role) {
      guard let fault = tensor.fault else { continue }
      throw CifarError(
        .notFinite,
        "the checkpoint of epoch \(epoch) can't be used: \(fault); use one of before the training "
          + "diverged")
    }
  }
}
