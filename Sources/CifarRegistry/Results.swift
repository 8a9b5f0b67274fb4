import CifarCore

/// A run in one line.
public struct RunSummary: Sendable, Equatable {
  /// UUID, lowercase.
  public var id: String
  public var name: String?
  public var status: RunStatus
  public var recipe: String
  public var dataset: String
  public var started: Timestamp
  /// The time spent in all its sessions together.
  public var durationSeconds: Double
  /// Epochs recorded.
  public var epochs: Int
  public var epochsPlanned: Int
  /// The highest validation accuracy so far; nil before the first. NaN never counts.
  public var bestValAccuracy: Double?
  /// The lowest validation loss so far; nil before the first. NaN never counts.
  public var bestValLoss: Double?
  /// Of the last epoch; nil before the first, and where it is not a number.
  public var lastValAccuracy: Double?
  public var lastValLoss: Double?
  /// Sorted.
  public var tags: [String] = []
  /// The run it was forked from.
  public var parent: Parent?
  /// Those of `RunQuery.fields`, in their order.
  public var values: [FieldValue] = []
  /// In order, NaN where there is none; nil unless the query asked for them.
  public var validationLosses: [Double]?
  /// When it was put into the trash; nil for a run that is there.
  public var trashed: Timestamp?

  public struct Parent: Sendable, Equatable {
    /// UUID.
    public var run: String
    public var checkpoint: Int64
  }
}

/// Everything about a run but the bytes of its checkpoints, all from one moment.
public struct RunDetail: Sendable, Equatable {
  public var summary: RunSummary
  /// JSON, as the run was created.
  public var hyperparameters: String
  /// JSON, as the run was created.
  public var model: String
  public var datasetHash: String?
  public var seed: UInt64
  public var retention: Retention
  /// Oldest first; at least one.
  public var sessions: [SessionRow]
  /// The current ones, in order; see `Registry.epochs(of:)`.
  public var epochs: [EpochMetrics]
  /// Oldest first.
  public var checkpoints: [CheckpointRow]
  /// What the program measured itself, by name and then epoch.
  public var metrics: [MetricRow] = []
  /// Oldest first.
  public var notes: [Note] = []
  /// The best weights class by class; nil if they were not evaluated.
  public var evaluation: ClassEvaluation?

  public var id: String { summary.id }
}

/// One start or resume of a run.
public struct SessionRow: Sendable, Equatable {
  public var id: Int64
  public var started: Timestamp
  /// nil while it runs, and for one that crashed.
  public var ended: Timestamp?
  public var status: RunStatus
  /// Why it ended, in words; empty while it runs.
  public var reason: String
  public var durationSeconds: Double
  public var host: String
  public var pid: Int32
  public var info: SessionInfo
  /// Where it took up the run: completed epochs and batches of the next. nil for the first session.
  public var resumedFrom: Position?

  public struct Position: Sendable, Equatable {
    public var epoch: Int
    public var batch: Int
  }
}

/// A stored checkpoint, without its bytes.
public struct CheckpointRow: Sendable, Equatable {
  /// Unique in the file, never used again.
  public var id: Int64
  /// The run's UUID.
  public var run: String
  public var epoch: Int
  public var batch: Int
  public var step: Int
  public var created: Timestamp
  public var size: Int
  /// SHA-256, lowercase hexadecimal.
  public var sha256: String
  /// Whether it is the best of the run's current ones.
  public var isBest: Bool
  /// Whether a later session replaced it, by resuming the run from an earlier checkpoint.
  public var isSuperseded: Bool
  /// Whether retention keeps it in any case.
  public var isPinned: Bool
}

/// A value that the program measured itself, with the epoch it belongs to.
public struct MetricRow: Sendable, Equatable {
  public var name: String
  public var epoch: Int
  public var value: Double

  public init(name: String, epoch: Int, value: Double) {
    self.name = name
    self.epoch = epoch
    self.value = value
  }
}

/// A remark on a run.
public struct Note: Sendable, Equatable {
  public var created: Timestamp
  public var text: String
}

/// How the best weights do, class by class.
public struct ClassEvaluation: Sendable, Equatable {
  public var epoch: Int
  public var classNames: [String]
  /// Images by actual class and predicted class.
  public var confusion: [[Int]]
  /// The most confident mistake first.
  public var misclassified: [Prediction]
  /// Images drawn evenly from the whole set, right or wrong.
  public var samples: [Prediction]

  public struct Prediction: Sendable, Equatable {
    /// Its number in the validation set.
    public var image: Int
    public var actual: Int
    public var predicted: Int
    /// Of the predicted class.
    public var probability: Double
    /// Red, green and blue planes of 32 × 32.
    public var pixels: [UInt8]

    public init(
      image: Int, actual: Int, predicted: Int, probability: Double, pixels: [UInt8]
    ) {
      self.image = image
      self.actual = actual
      self.predicted = predicted
      self.probability = probability
      self.pixels = pixels
    }
  }

  public init(
    epoch: Int, classNames: [String], confusion: [[Int]], misclassified: [Prediction],
    samples: [Prediction] = []
  ) {
    self.epoch = epoch
    self.classNames = classNames
    self.confusion = confusion
    self.misclassified = misclassified
    self.samples = samples
  }
}

/// Which checkpoint of a run is meant.
public enum CheckpointChoice: Sendable, Equatable, CustomStringConvertible {
  case last
  case best
  case id(Int64)

  /// Reads `last`, `best` or a checkpoint's id.
  public init?(_ text: String) {
    switch text {
    case "last": self = .last
    case "best": self = .best
    default:
      guard let id = Int64(text), id > 0 else { return nil }
      self = .id(id)
    }
  }

  public var description: String {
    switch self {
    case .last: "last"
    case .best: "best"
    case .id(let id): "\(id)"
    }
  }
}

/// How a checkpoint was chosen, and which one that was at the time.
public struct MeantCheckpoint: Sendable, Equatable {
  public var choice: CheckpointChoice
  public var id: Int64

  public init(_ choice: CheckpointChoice, id: Int64) {
    self.choice = choice
    self.id = id
  }
}

/// Another session has continued the run since: "last" or "best" is another checkpoint now.
public struct MovedCheckpoint: Error {}

/// The value of a field of a run.
public enum FieldValue: Sendable, Equatable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
}
