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

  /// The rates of the optimizer's groups; nil for one that is not trained at that step.
  ///
  /// - Parameter rate: of those that have neither a rate nor a schedule of their own.
  func groupRates(_ rate: Double, ofStep step: Int) -> [Double?] {
    // What callbacks have made of the optimizer's rate.
    let share = state.learningRate / hyperparameters.optimizer.learningRate
    return groups.map { group in
      guard group.isTrained(step: step, batches: batchesPerEpoch) else { return nil }
      guard let own = group.learningRate else { return rate }
      return own * share * factor(of: group.schedule ?? hyperparameters.schedule, step: step)
    }
  }

  /// What may help a training that has diverged, as a part of a sentence: it names the rates of the
  /// last step, which made the weights what they are.
  var adviceOnDivergence: String {
    guard state.step > 0 else {
      return "no step was made yet, so it is not the learning rate: look at the images, their "
        + "normalization and the weights that it began with"
    }
    let last = state.step - 1
    let rates = zip(groups, groupRates(rate(ofStep: last), ofStep: last)).compactMap {
      group, rate in
      rate.map { (pattern: group.pattern, rate: $0) }
    }
    let distinct = Set(rates.map(\.rate))
    guard distinct.count > 1 else {
      return "a lower learning rate than \(distinct.first ?? rate(ofStep: last)) may help"
    }
    return "lower learning rates may help: the last step had "
      + rates.map { rate in
        "\(rate.rate) " + (rate.pattern.map { "of the group '\($0.excerpt)'" } ?? "of the rest")
      }.joined(separator: ", ")
  }

  /// How the schedule changes by another number of epochs, as a sentence; nil where the next step has
  /// the rate that it would have had.
  public func rateJump(from epochs: Double) -> String? {
    guard let schedule = hyperparameters.schedule else { return nil }
    let before =
      state.learningRate
      * schedule.factor(step: state.step, stepsPerEpoch: batchesPerEpoch, epochs: epochs)
    guard before != learningRate else { return nil }
    return
      "the schedule '\(schedule.type)' is stretched from \(Hyperparameters.text(epochs: epochs)) to "
      + "\(hyperparameters.epochsText) epochs: the learning rate continues with \(learningRate), not "
      + "\(before)"
  }
}
