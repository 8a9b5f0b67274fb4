import CifarCore
import CifarData
import CifarRegistry
import CifarTraining

extension RunRecorder {
  /// Records how the best checkpoint does class by class. The run has ended by then: whatever goes
  /// wrong here, the run is complete, and who interrupts it need not wait.
  func evaluateBest(on validation: Dataset, threads: Int) {
    do {
      try LargeStack.run {
        let checkpoint = try patiently {
          try Checkpoint(registry.checkpointData(registry.checkpoint(.best, of: runID).id))
        }
        try checkpoint.requireFinite()
        let evaluation = try evaluate(checkpoint, on: validation, threads: threads)
        try patiently { try registry.record(evaluation: evaluation, of: runID) }
      }
    } catch let error as CifarError where error.code == .interrupted {
    } catch let error as CifarError where error.code == .notFound {
      // What someone has chosen, who left model_checkpoint out, is nothing to warn of.
      Log.write(.info, "nothing is kept of single classes: \(error)")
    } catch {
      Log.write(.warning, "run \(runID): its classes can't be evaluated: \(error)")
    }
  }

  /// In the trainer's network, which has its own weights again afterwards.
  ///
  /// - Throws: `interrupted`; see `Evaluator.evaluate`.
  private func evaluate(
    _ checkpoint: Checkpoint, on validation: Dataset, threads: Int
  ) throws -> ClassEvaluation {
    let network = trainer.network
    let counts = try network.withState(checkpoint.tensors) {
      try Evaluator(network, of: checkpoint.hyperparameters, threads: threads)
        .evaluate(validation, examples: true) {
          if trainer.takeInterrupt() { throw CifarError(.interrupted, "interrupted") }
        }
    }
    return try counts.classEvaluation(epoch: checkpoint.epoch)
  }
}
