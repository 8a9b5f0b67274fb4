import CheckpointFormat
import CifarCore
import CifarNN
import CifarTraining
import Interchange

/// Weights that are no checkpoint, with all that is needed to make a model of them.
struct StoredWeights {
  let hyperparameters: Hyperparameters
  let epoch: Int
  let step: Int
  /// See `Model.isChosen`.
  let isChosen: Bool
  /// Under the names of the model's own tensors.
  let tensors: [Tensor]

  /// Weights that this library exported; nil for bytes of anything else.
  ///
  /// - Throws: `badData`, `shapeMismatch`, `notFinite` for what is wrong with them.
  init?(_ bytes: [UInt8]) throws {
    let metadata = try SafeTensors.metadata(of: bytes)
    guard let description = try WeightsContainer.description(in: metadata) else { return nil }
    hyperparameters = try StateCoding.decode(
      Hyperparameters.self, from: description.hyperparameters, what: "the hyperparameters")
    do {
      try hyperparameters.validate()
    } catch let error as CifarError where error.code != .outOfMemory {
      throw CifarError(.badData, "the hyperparameters can't be used: \(error.message)")
    }
    epoch = description.epoch
    step = description.step
    isChosen = description.chosenOn != nil
    tensors = try ForeignWeights(bytes).tensors(for: hyperparameters.modelSpec)
  }

  /// Weights of any program.
  ///
  /// - Parameters:
  ///   - request: the model, the normalization, and whose dialect the model follows.
  ///   - classNames: nil where nobody says them.
  ///   - source: what the record calls the place they come from.
  /// - Throws: `badData` for bytes that are no safetensors file; `shapeMismatch`, naming the tensor;
  ///   `invalidArgument` for a model that can't be; `notFinite`.
  init(_ bytes: [UInt8], request: TrainingRequest, classNames: [String]?, source: String) throws {
    let weights = try ForeignWeights(bytes)
    let spec = try request.hyperparameters(classes: classNames?.count ?? 10).modelSpec
    let classes = try weights.classes(of: spec) ?? spec.classes
    var hyperparameters = try request.hyperparameters(classes: classes)
    let isKnown =
      hyperparameters.modelSpec.input[0] == 3 || hyperparameters.dialect == .keras
      || request.saysNormalization
    guard isKnown else {
      throw CifarError(
        .invalidArgument,
        "a grey model's images are normalised by the mean and the deviation of those that it was "
          + "trained on, which only its file knows if it is of this library: say them, "
          + "{\"normalization\": {\"mean\": [0.13], \"std\": [0.31]}}; [0] and [1] leave numbers from 0 "
          + "to 1")
    }
    tensors = try weights.tensors(for: hyperparameters.modelSpec)
    hyperparameters.weights = WeightsRecord(
      source: source, tensors: tensors, classNames: classNames)
    try hyperparameters.validate()
    self.hyperparameters = hyperparameters
    epoch = 0
    step = 0
    isChosen = false
  }
}
