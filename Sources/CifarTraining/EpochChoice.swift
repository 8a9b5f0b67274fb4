import CifarCore

// When are weights chosen on the images that a run validates on? Where it had several epochs, and what
// these images said decided which of them the weights are of: of a best checkpoint, by a model_checkpoint
// that watches a val_ metric and keeps the best only; of those that training ended with, by an
// early_stopping that watches one, and ended it or put the best weights back. A rate that falls on a
// plateau chooses no epoch.

extension Monitor {
  /// Whether the images validated on decide it.
  var isOfValidation: Bool { self == .valLoss || self == .valAccuracy }
}

extension Hyperparameters {
  /// Whether the best checkpoint is chosen on the images validated on.
  ///
  /// - Parameter count: epochs that it is the best of.
  public func choosesBestByValidation(amongEpochs count: Int) -> Bool {
    count > 1 && choices.contains { $0 }
  }

  /// What the best checkpoint is the best by, each once; none where nothing marks one by a metric.
  public var bestMonitors: [Monitor] {
    let all = callbacks.compactMap { callback in
      (callback.options as? ModelCheckpoint.Options).flatMap { $0.saveBestOnly ? $0.monitor : nil }
    }
    return Monitor.allCases.filter(all.contains)
  }

  /// Whether early stopping by the images validated on puts weights back at the end, where those of
  /// an epoch are what training ended with: it had a best epoch by then.
  ///
  /// - Parameter metrics: of that epoch; nil where they are not known.
  public func restoresByValidation(epoch: Int, _ metrics: EpochMetrics?) -> Bool {
    stoppers.contains { _, options in
      guard options.restoreBestWeights, epoch > options.startFromEpoch else { return false }
      // Keras takes the first value as the best, whatever it is.
      guard options.dialect == .pytorch, let metrics else { return true }
      return options.monitor.value(in: metrics).isFinite
    }
  }

  /// Whether a training's end has a reason that says that early stopping by the images validated on
  /// ended it, with epochs still to train.
  public static func isStopByValidation(_ reason: String) -> Bool {
    EarlyStopping.monitor(ofReason: reason)?.isOfValidation ?? false
  }

  /// For each callback, whether it marks the best checkpoints by the images validated on.
  private var choices: [Bool] {
    callbacks.map { callback in
      guard let options = callback.options as? ModelCheckpoint.Options else { return false }
      return options.saveBestOnly && options.monitor.isOfValidation
    }
  }

  /// The callbacks that end training by the images validated on, by their place in the list.
  fileprivate var stoppers: [(place: Int, options: EarlyStopping.Options)] {
    callbacks.enumerated().compactMap { place, callback in
      guard let options = callback.options as? EarlyStopping.Options, options.monitor.isOfValidation
      else { return nil }
      return (place, options)
    }
  }

  /// Whether the callbacks were in such a state when the epoch was their best that its checkpoint was
  /// marked as the best one.
  private func isBest(_ state: TrainerState) -> Bool {
    epochs > 1 && state.batch == 0 && state.epoch > 0
      && zip(choices, state.callbacks).contains { $0 && $1.bestEpoch == state.epoch }
  }

  /// Whether a checkpoint of that state has chosen weights, as far as it tells: early stopping ended the
  /// training, or there was no better epoch before.
  fileprivate func isChosen(_ state: TrainerState) -> Bool {
    wasStoppedByValidation(state) || isBest(state)
  }

  /// Whether early stopping by the images validated on ended a training in that state, with epochs still
  /// to train.
  fileprivate func wasStoppedByValidation(_ state: TrainerState) -> Bool {
    guard state.stopReason != nil, state.hasDiverged != true, state.epoch < epochs else {
      return false
    }
    return stoppers.contains { place, options in
      state.callbacks.indices.contains(place) && state.callbacks[place].wait >= options.patience
    }
  }
}

extension Checkpoint {
  /// Whether its weights are chosen on the images that the run was validated on.
  ///
  /// - Parameter isBest: whether it was asked for as the run's best; nil where nobody knows, as of a
  ///   file: then the file says it, or it is taken for that if the run had no better one before.
  /// - Parameter count: epochs of the run; nil for as many as were planned when it was made.
  public func isChosen(isBest: Bool?, amongEpochs count: Int? = nil) -> Bool {
    guard let isBest else { return saysChosen ?? hyperparameters.isChosen(state) }
    if hyperparameters.wasStoppedByValidation(state) { return true }
    return isBest
      && hyperparameters.choosesBestByValidation(amongEpochs: count ?? hyperparameters.epochs)
  }
}

extension TrainerSnapshot {
  /// What `Checkpoint.isChosen` says of its checkpoint where nobody knows what it was asked for as.
  public var checkpointIsChosen: Bool { hyperparameters.isChosen(state) }
}

extension Trainer {
  /// Whether the weights that it has are chosen on the images that it validates on.
  public var hasChosenWeights: Bool {
    var state = state
    state.callbacks = callbacks.map(\.state)
    if hyperparameters.wasStoppedByValidation(state) { return true }
    return endEpoch > 0 && state.epoch > 1 && bestWeights != nil
      && hyperparameters.stoppers.contains { place, options in
        options.restoreBestWeights && state.callbacks[place].bestEpoch > 0
      }
  }
}
