import CifarCore

/// The state of a run or a session.
public enum RunStatus: String, Sendable, Codable, CaseIterable {
  case running
  /// All epochs are done, or a callback of the recipe (early stopping) found nothing more to learn.
  case completed
  /// The caller asked it to stop.
  case stopped
  /// Stopped from outside, with a checkpoint to resume from.
  case interrupted
  /// An error ended it.
  case failed
  /// Its process ended without recording an end. A run is never stored as such: readers find out.
  /// The resume that continues the run records it for the session.
  case crashed
}

/// The program that trains: what a run or a resume writes down about itself.
public struct SessionInfo: Sendable, Equatable {
  public var libraryVersion: String
  /// The kernels' instruction set: the bits of a result depend on it.
  public var instructionSet: String
  public var threads: Int
  public var commandLine: String
  public var workingDirectory: String?
  /// The commit that is checked out there, if it is in a git repository.
  public var gitCommit: String?

  public init(
    libraryVersion: String, instructionSet: String, threads: Int, commandLine: String = "",
    workingDirectory: String? = nil, gitCommit: String? = nil
  ) {
    self.workingDirectory = workingDirectory
    self.gitCommit = gitCommit
    self.libraryVersion = libraryVersion
    self.instructionSet = instructionSet
    self.threads = threads
    self.commandLine = commandLine
  }
}

/// Which checkpoints stay when a new one is saved. The best one always does, and so do pinned ones.
public struct Retention: Sendable, Equatable {
  /// How many of the newest, at least 1; nil for all.
  public var last: Int?
  /// Also those of every N-th epoch, at least 1.
  public var every: Int?

  public static let all = Retention(last: nil, every: nil)

  public static func last(_ count: Int, every: Int? = nil) -> Retention {
    Retention(last: count, every: every)
  }

  public init(last: Int?, every: Int?) {
    self.last = last
    self.every = every
  }

  func check() throws {
    for (value, what) in [(last, "the last checkpoint"), (every, "one epoch")] {
      if let value, value < 1 {
        throw CifarError(
          .invalidArgument, "retention counts from \(what): \(value) is not at least 1")
      }
    }
  }
}

/// Everything known when a run begins.
public struct NewRun: Sendable {
  /// What people call it; names need not be unique.
  public var name: String?
  public var recipe: String
  /// The complete set of hyperparameters, defaults included, as a JSON object.
  public var hyperparameters: String
  /// The model's specification as a JSON object.
  public var model: String
  public var dataset: String
  public var datasetHash: String?
  public var seed: UInt64
  public var epochsPlanned: Int
  public var retention: Retention
  public var session: SessionInfo
  /// Tags from the start.
  public var tags: [String] = []

  public init(
    name: String? = nil, recipe: String, hyperparameters: String, model: String, dataset: String,
    datasetHash: String? = nil, seed: UInt64, epochsPlanned: Int, retention: Retention = .last(2),
    session: SessionInfo
  ) {
    self.name = name
    self.recipe = recipe
    self.hyperparameters = hyperparameters
    self.model = model
    self.dataset = dataset
    self.datasetHash = datasetHash
    self.seed = seed
    self.epochsPlanned = epochsPlanned
    self.retention = retention
    self.session = session
  }
}

/// A checkpoint to be stored.
public struct NewCheckpoint: Sendable {
  /// Completed epochs.
  public var epoch: Int
  /// Batches done in the epoch under way; 0 between epochs.
  public var batch: Int
  /// Optimizer steps since the run began.
  public var step: Int
  /// A safetensors file; the registry takes the bytes as they are.
  public let data: [UInt8]
  /// Whether it is better than every checkpoint before it.
  public var isBest: Bool
  /// When it was taken, which may be long before it is stored.
  public var created = Timestamp.now
  /// Of `data`; nil until it is computed.
  private(set) var sha256: String?

  mutating func hash() {
    if sha256 == nil { sha256 = SHA256.hexadecimal(of: data) }
  }

  public init(epoch: Int, batch: Int = 0, step: Int, data: [UInt8], isBest: Bool = false) {
    self.epoch = epoch
    self.batch = batch
    self.step = step
    self.data = data
    self.isBest = isBest
  }
}
