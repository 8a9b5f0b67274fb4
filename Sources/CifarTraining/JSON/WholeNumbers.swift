/// The legal ranges of whole numbers by their names in JSON, for what does not even fit an integer.
/// What fits is checked, with more regard to its neighbours, by whoever has it.
enum WholeNumbers {
  static let ranges: [String: ClosedRange<Int>] = [
    "batch_size": Hyperparameters.batchSizes, "epochs": 1...Hyperparameters.mostEpochs,
    "steps_per_epoch": 1...Hyperparameters.mostSteps,
    // Layers
    "filters": 1...4096, "units": 1...65_536, "stride": 1...2, "kernel_size": 1...5,
    // Augmentations
    "size": 1...64, "padding": 0...32,
    // Schedules
    "warmup": 0...LearningRateSchedule.mostSteps, "decay_steps": 1...LearningRateSchedule.mostSteps,
    "step_size": 1...LearningRateSchedule.mostSteps,
    "milestones": 1...LearningRateSchedule.mostSteps,
    // Callbacks
    "patience": 0...Int.max, "cooldown": 0...Int.max, "start_from_epoch": 0...Int.max,
    "save_freq": 1...Int.max,
    // A checkpoint's state
    "epoch": 0...Hyperparameters.mostEpochs, "batch": 0...Int(UInt32.max),
    "step": TrainerState.counted, "seen": TrainerState.counted, "correct": TrainerState.counted,
    "wait": TrainerState.counted, "bestEpoch": 0...Hyperparameters.mostEpochs,
    // Data
    "train_count": 1...Int(UInt32.max), "validation_count": 1...Int(UInt32.max),
  ]
}
