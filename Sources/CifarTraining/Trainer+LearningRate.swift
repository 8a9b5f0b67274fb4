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
  /// last step, which made the weights what they are, and weight decays that are too large for them.
  var adviceOnDivergence: String {
    guard state.step > 0 else {
      return "no step was made yet, so it is not the learning rate: look at the images, their "
        + "normalization and the weights that it began with"
    }
    let last = state.step - 1
    let trained = zip(groups, groupRates(rate(ofStep: last), ofStep: last)).compactMap {
      group, rate in rate.map { (group: group, rate: $0) }
    }
    /// Numbers with the groups that have them; the number alone where all have the same.
    func named(_ numbers: [(group: TrainedGroup, number: Double)], among count: Int) -> String {
      if let first = numbers.first, numbers.count == count,
        numbers.allSatisfy({ $0.number == first.number })
      {
        return "\(first.number)"
      }
      return numbers.map { group, number in
        "\(number) " + (group.pattern.map { "of the group '\($0.excerpt)'" } ?? "of the rest")
      }.joined(separator: ", ")
    }
    // Decay by itself takes rate · decay of a weight. From 1 on nothing of the weight is left, or it
    // has the other sign, and from 2 on it grows; the penalty that others than decoupled ones add to
    // the gradient, too, is then larger than any that is in use.
    let decays = trained.filter { $0.rate * $0.group.weightDecay >= 1 }
      .map { (group: $0.group, number: $0.group.weightDecay) }
    let rates = trained.map { (group: $0.group, number: $0.rate) }
    let rateAdvice =
      Set(rates.map(\.number)).count > 1
      ? "lower learning rates may help: the last step had \(named(rates, among: rates.count))"
      : "a lower learning rate than \(rates.first?.number ?? rate(ofStep: last)) may help"
    guard !decays.isEmpty else { return rateAdvice }
    return rateAdvice
      + "; so may a smaller weight_decay than \(named(decays, among: trained.count)): times the "
      + "learning rate it is 1 or more, and a step takes away all of a weight, or more"
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
