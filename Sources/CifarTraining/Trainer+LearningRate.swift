import CifarCore

extension Trainer {
  /// The rate of the next step.
  public var learningRate: Double { rate(ofStep: state.step) }

  /// What the schedule makes of the rate that callbacks see and change.
  func rate(ofStep step: Int) -> Double {
    state.learningRate * factor(of: hyperparameters.schedule, step: step)
  }

  /// Sets the rate from the next step on; observers may do so whenever they are called.
  ///
  /// One that is set at the beginning of an epoch or before a batch is in the checkpoints that
  /// follow; one that is set at an epoch's end comes after the epoch's checkpoint.
  /// - Throws: `invalidArgument` for an invalid rate, `invalidState` if a schedule decides it.
  public func setLearningRate(_ rate: Double) throws {
    guard rate.isFinite, rate >= 0 else {
      throw CifarError(.invalidArgument, "learning rate \(rate) is not a number of 0 or above")
    }
    if let schedule = hyperparameters.schedule {
      throw CifarError(
        .invalidState,
        "the learning rate follows the schedule '\(schedule.type)'; leave the schedule out to set it"
      )
    }
    state.learningRate = rate
  }

  /// 1 without a schedule.
  private func factor(of schedule: LearningRateSchedule?, step: Int) -> Double {
    if let testedFactor { return testedFactor(step) }
    return schedule?.factor(
      step: step, stepsPerEpoch: batchesPerEpoch, epochs: hyperparameters.exactEpochs) ?? 1
  }

  /// The rates of the next step for the optimizer's groups.
  ///
  /// - Parameter rate: of those that have neither a rate nor a schedule of their own.
  func groupRates(_ rate: Double) -> [Double?] {
    // What callbacks have made of the optimizer's rate.
    let share = state.learningRate / hyperparameters.optimizer.learningRate
    return groups.map { group in
      guard group.isTrained(step: state.step, batches: batchesPerEpoch) else { return nil }
      guard let own = group.learningRate else { return rate }
      return own * share * factor(of: group.schedule ?? hyperparameters.schedule, step: state.step)
    }
  }

  /// How the schedule changes by another number of epochs, as a sentence; nil where the next step has
  /// the rate that it would have had.
  public func rateJump(from epochs: Double) -> String? {
    guard let schedule = hyperparameters.schedule else { return nil }
    let before =
      state.learningRate
      * schedule.factor(step: state.step, stepsPerEpoch: batchesPerEpoch, epochs: epochs)
    guard before != learningRate else { return nil }
    func words(_ epochs: Double) -> String { Int(exactly: epochs).map { "\($0)" } ?? "\(epochs)" }
    return "the schedule '\(schedule.type)' is stretched from \(words(epochs)) to "
      + "\(words(hyperparameters.exactEpochs)) epochs: the learning rate continues with \(learningRate), not "
      + "\(before)"
  }
}
