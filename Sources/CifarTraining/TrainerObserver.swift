/// Follows a training as it happens, and may end it. `Trainer.setLearningRate` may be called meanwhile.
public protocol TrainerObserver: AnyObject {
  /// - Returns: `stop` to end the training: at once or, where an epoch's batches are all done, when
  ///   the epoch has ended.
  /// - Throws: what ends the training as a failure.
  func observe(_ event: TrainingEvent) throws -> TrainerAnswer
}

public enum TrainerAnswer: Sendable {
  case proceed
  case stop
}

/// The observers of one training, as Keras's `CallbackList`.
struct ObserverList {
  var observers: [any TrainerObserver] = []

  /// Tells all of them, in order, also after one that wants to stop.
  func tell(_ event: TrainingEvent) throws -> TrainerAnswer {
    var answer = TrainerAnswer.proceed
    for observer in observers where try observer.observe(event) == .stop { answer = .stop }
    return answer
  }
}
