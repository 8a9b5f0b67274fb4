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
  static func check(epochs: Double, from checkpoint: Checkpoint) throws {
    try Hyperparameters.check(epochs: epochs)
    let text = Hyperparameters.text(epochs: epochs)
    let done = checkpoint.epoch + (checkpoint.batch > 0 ? 1 : 0)
    let planned = checkpoint.hyperparameters.epochsText
    if checkpoint.endsInPart(before: epochs) {
      throw CifarError(
        .invalidArgument,
        "the checkpoint was taken when \(planned) epochs were done, within epoch \(done), which is "
          + "over: to train \(text), take up a checkpoint of before")
    }
    let batches = checkpoint.hyperparameters.mostBatches
    let steps =
      checkpoint.endsInPart
      ? checkpoint.hyperparameters.steps(batches: batches)
      : checkpoint.epoch * batches + checkpoint.batch
    guard Hyperparameters.steps(ofEpochs: epochs, batches: batches) < steps else { return }
    let place =
      checkpoint.endsInPart
      ? "when \(planned) were done"
      : checkpoint.batch == 0
        ? "after epoch \(checkpoint.epoch)"
        : "within epoch \(done), after \(checkpoint.batch) of \(batches) batches"
    throw CifarError(
      .invalidArgument,
      "epochs \(text) is fewer than the run has: its checkpoint was taken \(place); give at least "
        + "\(checkpoint.endsInPart ? planned : "\(done)"), or take up an earlier checkpoint")
  }
}
