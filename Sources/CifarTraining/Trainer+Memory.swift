import CifarCore
import CifarNN

extension Trainer {
  /// Checks whether there is memory for a training, before anything is made.
  ///
  /// Counted is what holds as many numbers as the model has weights: the weights, their gradients,
  /// the optimizer's moments, the best weights so far, and checkpoints on their way. What goes with
  /// the batch size, images and activations, is counted when the plan is made.
  ///
  /// - Parameter storesCheckpoints: whether someone keeps them.
  /// - Throws: `outOfMemory`; `invalidArgument` or `shapeMismatch` for an invalid model.
  public static func checkMemory(
    for hyperparameters: Hyperparameters, storesCheckpoints: Bool
  ) throws {
    let weights = try Network.weightBytes(of: hyperparameters.modelSpec)
    let restoresBest = hyperparameters.callbacks.contains(where: \.options.restoresBestWeights)
    let average = hyperparameters.ema == nil ? 0 : 1
    let lookahead = hyperparameters.lookahead == nil ? 0 : 1
    let kept =
      1 + hyperparameters.optimizer.moments + average + lookahead + (restoresBest ? 1 : 0)
    // A checkpoint is put together as tensors, then as a file, while the one before is written.
    let copies = storesCheckpoints ? 3 * kept : 0
    let (need, isTooMuch) = weights.multipliedReportingOverflow(by: 1 + kept + copies)
    try MemoryNeed.check(
      isTooMuch ? .max : need,
      for: "weights, gradients, moments\(storesCheckpoints ? " and checkpoints" : "")")
  }
}

extension OptimizerSpec {
  /// Numbers that it keeps for every weight, at most.
  fileprivate var moments: Int {
    ([self] + groups.map(resolved)).map { spec in
      switch spec.type {
      case .sgd: spec.momentum == 0 ? 0 : 1
      case .muon: 1
      case .adam, .adamw: 2
      }
    }.max() ?? 0
  }
}
