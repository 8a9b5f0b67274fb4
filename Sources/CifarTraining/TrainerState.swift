import CifarCore
import CifarNN

/// Where training stands, apart from weights and moments.
struct TrainerState: Codable, Equatable, Sendable {
  /// Completed epochs.
  var epoch = 0
  /// Batches done in the epoch under way; 0 between epochs.
  var batch = 0
  /// Optimizer steps since the start. It names the dropout masks, with the seed, and the batch.
  var step = 0
  var learningRate: Double
  /// Sums over the epoch under way.
  var lossSum = 0.0
  var correct = 0
  var seen = 0
  /// Time that the epoch under way has taken, training and all.
  var trainSeconds = 0.0
  var epochSeconds = 0.0
  var callbacks: [CallbackState] = []
  /// Why training ended, if a callback ended it.
  var stopReason: String?
  /// Whether the last epoch's loss was no finite number; nil is no.
  var hasDiverged: Bool?

  enum CodingKeys: String, CodingKey {
    case epoch, batch, step, correct, seen, callbacks
    case learningRate = "learning_rate"
    case lossSum = "loss_sum"
    case trainSeconds = "train_seconds"
    case epochSeconds = "epoch_seconds"
    case stopReason = "stop_reason"
    case hasDiverged = "has_diverged"
  }
}

/// A checkpoint taken apart: a safetensors file with the state of the trainer in its metadata.
///
/// Tensors are the weights and statistics, the optimizer's (`optimizer.…`) and, if an earlier epoch
/// had better weights, those (`best.…`). The metadata has `format`, `hyperparameters` and `state`.
public struct Checkpoint {
  static let format = "libcifar checkpoint 1"

  public let hyperparameters: Hyperparameters
  let state: TrainerState
  public let tensors: [Tensor]

  /// - Throws: `badData` for bytes that are no checkpoint of this library.
  public init(_ bytes: [UInt8]) throws {
    let (tensors, metadata) = try SafeTensors.decode(bytes)
    guard metadata["format"] == Checkpoint.format, let state = metadata["state"],
      let hyperparameters = metadata["hyperparameters"]
    else {
      throw CifarError(
        .badData,
        "the safetensors file is no libcifar checkpoint: its metadata has no '\(Checkpoint.format)'"
      )
    }
    self.tensors = tensors
    self.state = try StateCoding.decode(
      TrainerState.self, from: state, what: "the checkpoint's state")
    self.hyperparameters = try StateCoding.decode(
      Hyperparameters.self, from: hyperparameters, what: "the checkpoint's hyperparameters")
    try self.hyperparameters.validate()
  }

  init(hyperparameters: Hyperparameters, state: TrainerState, tensors: [Tensor]) {
    self.hyperparameters = hyperparameters
    self.state = state
    self.tensors = tensors
  }

  func encoded() throws -> [UInt8] {
    try SafeTensors.encode(
      tensors,
      metadata: [
        "format": Checkpoint.format,
        "hyperparameters": try StateCoding.encode(hyperparameters),
        "state": try StateCoding.encode(state),
      ])
  }

  /// Completed epochs.
  public var epoch: Int { state.epoch }
}
