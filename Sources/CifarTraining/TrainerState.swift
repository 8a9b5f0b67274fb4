import CifarCore

/// Where training stands, apart from weights and moments.
///
/// One that was read from a file goes through `validate` before anything is computed from it.
struct TrainerState: Codable, Equatable, Sendable {
  /// Completed epochs.
  var epoch = 0
  /// Batches done in the epoch under way; 0 between epochs.
  var batch = 0
  /// Optimizer steps since the start. It names the dropout masks, with the seed, and the batch.
  var step = 0
  var learningRate: Double
  /// Sums over the epoch under way.
  var lossSum = 0.0
  var correct = 0
  var seen = 0
  /// Time that the epoch under way has taken, training and all.
  var trainSeconds = 0.0
  var epochSeconds = 0.0
  /// Processor time likewise; nil is 0.
  var epochCPUSeconds: Double?
  var callbacks: [CallbackState] = []
  /// Why training ended, if a callback ended it.
  var stopReason: String?
  /// Whether the last epoch's loss was no finite number; nil is no.
  var hasDiverged: Bool?

  enum CodingKeys: String, CodingKey {
    case epoch, batch, step, correct, seen, callbacks
    case learningRate = "learning_rate"
    case lossSum = "loss_sum"
    case trainSeconds = "train_seconds"
    case epochSeconds = "epoch_seconds"
    case epochCPUSeconds = "epoch_cpu_seconds"
    case stopReason = "stop_reason"
    case hasDiverged = "has_diverged"
  }
}

extension TrainerState {
  mutating func add(_ lap: Lap) {
    epochSeconds += lap.seconds
    epochCPUSeconds = (epochCPUSeconds ?? 0) + lap.cpuSeconds
  }

  /// Larger than any training reaches, and small enough that counting on from it does not overflow.
  static let counted = 0...(1 << 53)
  /// Seconds beyond this, three hundred years, are a mistake.
  private static let mostSeconds = 1e10
  /// A loss is computed in float32.
  private static let mostLoss = Double(Float.greatestFiniteMagnitude)

  /// Makes sure that training can continue from here: every number is one that a training can come to.
  ///
  /// - Throws: `badData`, naming the value and its range; `notFinite` for one of a training that had
  ///   diverged.
  func validate(for hyperparameters: Hyperparameters) throws {
    let counted = TrainerState.counted
    try check(epoch, in: 0...Hyperparameters.mostEpochs, "epoch")
    try check(batch, in: 0...hyperparameters.mostBatches, "batch")
    try check(step, in: counted, "step")
    // All batches but the last of a pass are full, and each has an image.
    let batchSize = hyperparameters.batchSize
    try check(seen, in: batch...batch * batchSize, "seen")
    try check(correct, in: 0...seen, "correct")
    try check(learningRate, in: 0...Double.greatestFiniteMagnitude, "learning_rate")
    // Between two epochs there is nothing to sum up.
    let isBetween = batch == 0
    // What terminate_on_nan ends has such a sum in the checkpoint of its last batch.
    guard lossSum.isFinite else {
      throw CifarError(
        .notFinite,
        "nothing can continue from it, as the loss was \(lossSum) in epoch \(epoch + 1), batch "
          + "\(batch): training had diverged; use one of before (cifar-runs checkpoints lists them)"
      )
    }
    let mostSum = TrainerState.mostLoss * Double(seen)
    try check(lossSum, in: 0...mostSum, "loss_sum")
    let mostSeconds = isBetween ? 0 : TrainerState.mostSeconds
    try check(trainSeconds, in: 0...mostSeconds, "train_seconds")
    try check(epochSeconds, in: 0...mostSeconds, "epoch_seconds")
    try check(epochCPUSeconds ?? 0, in: 0...mostSeconds, "epoch_cpu_seconds")
    let wanted = hyperparameters.callbacks.count
    guard callbacks.count == wanted else {
      throw TrainerState.illegal(
        "callbacks", "\(callbacks.count) entries", "the \(wanted) of its hyperparameters")
    }
    for (index, callback) in callbacks.enumerated() {
      try check(callback.wait, in: counted, "callbacks.\(index).wait")
      try check(callback.cooldown, in: 0...Int.max, "callbacks.\(index).cooldown")
      // An epoch's checkpoint is taken when it is over, one of a batch within the next.
      try check(callback.bestEpoch, in: 0...epoch, "callbacks.\(index).bestEpoch")
    }
    if let length = stopReason?.utf8.count, length > 10_000 {
      throw TrainerState.illegal("stop_reason", "\(length) bytes", "at most 10,000")
    }
  }

  private func check(_ value: Int, in range: ClosedRange<Int>, _ name: String) throws {
    guard range.contains(value) else {
      throw TrainerState.illegal(
        name, "\(value)", "from \(range.lowerBound) to \(range.upperBound)")
    }
  }

  private func check(_ value: Double, in range: ClosedRange<Double>, _ name: String) throws {
    guard range.contains(value) else {
      throw TrainerState.illegal(
        name, "\(value)",
        range.upperBound == 0
          ? "0, as between two epochs" : "a number from 0 to \(range.upperBound)")
    }
  }

  /// - Parameter range: what the value must be.
  static func illegal(_ name: String, _ value: String, _ range: String) -> CifarError {
    CifarError(
      .badData,
      "the checkpoint's state can't be read: \(name) is \(value), not \(range); use another "
        + "checkpoint")
  }
}
