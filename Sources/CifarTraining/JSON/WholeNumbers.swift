/// The legal ranges of whole numbers by their names in JSON, for what does not even fit an integer.
/// What fits is checked by the type that it belongs to, together with its neighbours.
enum WholeNumbers {
  static let ranges: [String: ClosedRange<Int>] = others.merging(
    HyperparameterGuide.sections.flatMap(\.rows).compactMap { row in
      row.option.range.map { (row.option.name, $0) }
    }, uniquingKeysWith: { $0.lowerBound <= $1.lowerBound ? $0 : $1 })

  private static let others: [String: ClosedRange<Int>] = [
    // Layers
    "filters": 1...4096, "units": 1...65_536, "stride": 1...2, "kernel_size": 1...5, "size": 2...8,
    // A checkpoint's state
    "epoch": 0...Hyperparameters.mostEpochs, "batch": 0...Int(UInt32.max),
    "step": TrainerState.counted, "seen": TrainerState.counted, "correct": TrainerState.counted,
    "wait": TrainerState.counted, "bestEpoch": 0...Hyperparameters.mostEpochs,
    // Data
    "train_count": 1...Int(UInt32.max), "validation_count": 1...Int(UInt32.max),
    "test_count": 1...Int(UInt32.max),
  ]
}
