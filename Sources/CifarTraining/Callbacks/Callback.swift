import CifarCore

/// Examines what a training comes to and decides something. Its counters are part of every
/// checkpoint.
protocol Callback: AnyObject {
  /// What has to survive a resume.
  var state: CallbackState { get set }
  /// Whether it writes a file, which one process of a training does.
  var writesFile: Bool { get }

  /// Tells a callback of a run that is resumed which epochs are on record, before `trainBegan`.
  func recall(_ epochs: [EpochMetrics])
  /// - Parameters:
  ///   - epoch: completed epochs; more than 0 where a run is resumed.
  ///   - remarks: gets sentences that a person should hear.
  func trainBegan(epoch: Int, _ remarks: inout [String]) throws
  func batchEnded(_ outcome: BatchOutcome, _ control: inout BatchControl)
  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) throws
  /// This session ends, however it does.
  func trainEnded()
  /// A run that a callback had ended is to continue all the same.
  func trainingExtended()
}

extension Callback {
  var writesFile: Bool { false }
  func recall(_ epochs: [EpochMetrics]) {}
  func trainBegan(epoch: Int, _ remarks: inout [String]) throws {}
  func batchEnded(_ outcome: BatchOutcome, _ control: inout BatchControl) {}
  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) throws {}
  func trainEnded() {}
  func trainingExtended() {}
}

/// The counters of a callback, the same for all kinds; what a kind does not use stays as it is.
struct CallbackState: Codable, Equatable, Sendable {
  /// The best value so far; nil before the first.
  var best: Double?
  var bestEpoch = 0
  /// Epochs since, or batches.
  var wait = 0
  var cooldown = 0
}

/// The result of one batch.
struct BatchOutcome {
  /// From 1.
  var epoch: Int
  /// From 1.
  var batch: Int
  /// Mean over its images; NaN or infinite if training diverged.
  var loss: Double
  /// Since this session of the training began.
  var sessionSeconds: Double
}

/// What callbacks may decide after a batch.
struct BatchControl: Equatable {
  /// Why the run is to end for good; nil to continue.
  var stopReason: String?
  /// Why this session is to end, leaving a run that can be resumed; nil to continue.
  var pauseReason: String?
  /// A checkpoint of this batch is to be stored.
  var savesCheckpoint = false
}

/// What callbacks may decide at the end of an epoch.
struct EpochControl: Equatable {
  var learningRate: Double
  /// Why training is to end; nil to continue.
  var stopReason: String?
  /// Why training is to end as one that diverged; nil to continue.
  var divergence: String?
  /// The weights are the best so far and are to be kept for the end.
  var keepsWeights = false
  /// The epoch's checkpoint is the one to be used.
  var isBestCheckpoint = false
  /// Sentences that a person should hear.
  var remarks: [String] = []
}
