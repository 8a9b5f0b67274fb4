import CifarCore
import CifarData

/// What has to hold before a trainer is made.
extension Trainer {
  /// - Throws: `shapeMismatch` for images of another shape than the model's.
  static func check(_ hyperparameters: Hyperparameters, takes dataset: Dataset) throws {
    let shape = try hyperparameters.shape
    guard dataset.shape != shape else { return }
    throw CifarError(
      .shapeMismatch,
      "the model takes images of \(shape), but the \(dataset.split.rawValue) images have "
        + "\(dataset.shape); a preset takes the shape of the training images, a model of your own "
        + "has it as its input")
  }

  /// Makes sure that model and images have the same classes and shape.
  static func check(
    _ hyperparameters: Hyperparameters, _ train: Dataset, _ validation: Dataset
  ) throws {
    let classes = hyperparameters.modelSpec.classes
    for dataset in [train, validation] { try check(hyperparameters, takes: dataset) }
    for dataset in [train, validation] where dataset.classNames.count != classes {
      throw CifarError(
        .shapeMismatch,
        "the model has \(classes) classes, the units of its last layer, but the "
          + "\(dataset.split.rawValue) images have \(dataset.classNames.count)")
    }
  }

  /// - Throws: `invalidArgument` for fewer epochs than are done.
  static func check(epochs: Int, from checkpoint: Checkpoint) throws {
    let done = checkpoint.epoch + (checkpoint.batch > 0 ? 1 : 0)
    if epochs >= done, checkpoint.endsInPart {
      throw CifarError(
        .invalidArgument,
        "the checkpoint was taken when \(checkpoint.hyperparameters.epochsText) epochs were done, "
          + "within epoch \(done), which is over: to train \(epochs), take up a checkpoint of before"
      )
    }
    guard epochs < done else { return }
    let place =
      checkpoint.batch == 0
      ? "after epoch \(checkpoint.epoch)" : "within epoch \(checkpoint.epoch + 1)"
    throw CifarError(
      .invalidArgument,
      "epochs \(epochs) is fewer than the run has: its checkpoint was taken \(place); give at least "
        + "\(done), or take up an earlier checkpoint")
  }
}
