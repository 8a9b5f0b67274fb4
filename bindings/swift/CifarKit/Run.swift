import CCifar

/// A run in one line.
public struct RunInfo: Equatable, Sendable {
  /// Epochs recorded.
  public let epochs: Int
  /// At most.
  public let epochsPlanned: Double
  /// A UUID.
  public let id: String
  /// What people call it.
  public let name: String?
  /// running, completed, stopped, interrupted, failed or crashed.
  public let status: String
  /// Whose hyperparameters it began with.
  public let recipe: String
  /// cifar10, shapes or memory.
  public let dataset: String
  /// ISO 8601, UTC.
  public let started: String
  /// Seconds in all its sessions together.
  public let duration: Double
  /// 0 to 1; NaN before the first epoch.
  public let bestValAccuracy: Double
  /// NaN likewise.
  public let bestValLoss: Double
  /// Of the last epoch; NaN likewise.
  public let lastValAccuracy: Double
  /// Likewise.
  public let lastValLoss: Double
  /// Sorted.
  public let tags: [String]
  /// The id of the run that it was forked from.
  public let parent: String?
  /// Such as the seeds of one configuration.
  public let group: String?

  init(_ info: cifar_run_info) {
    epochs = Int(info.epochs)
    epochsPlanned = info.epochs_planned
    id = String(copying: info.id) ?? ""
    name = String(copying: info.name)
    status = String(copying: info.status) ?? ""
    recipe = String(copying: info.recipe) ?? ""
    dataset = String(copying: info.dataset) ?? ""
    started = String(copying: info.started) ?? ""
    duration = info.duration_s
    bestValAccuracy = info.best_val_accuracy
    bestValLoss = info.best_val_loss
    lastValAccuracy = info.last_val_accuracy
    lastValLoss = info.last_val_loss
    tags = (String(copying: info.tags) ?? "").split(separator: "\n").map(String.init)
    parent = String(copying: info.parent)
    group = String(copying: info.group)
  }
}

/// All about one run but the bytes of its checkpoints, as it was at one moment.
public struct Run: Equatable, Sendable {
  /// The run in one line.
  public let info: RunInfo
  /// The complete set of hyperparameters, a JSON object.
  public let hyperparameters: String
  /// What the best checkpoint was chosen on: `test images` or `validation split`; nil where nothing chose,
  /// or nobody knows what the images are.
  public let bestChosenOn: String?
  /// What the weights were chosen on that training ended with, by early stopping; nil likewise, and before
  /// the end. Of a run that was taken further since, it is of the weights that were measured.
  public let finalChosenOn: String?
  /// Epochs on the line that leads to where the run stands.
  public let epochs: [EpochInfo]
  /// Checkpoints, oldest first.
  public let checkpoints: [Checkpoint]
  /// What was recorded beside the epochs, by name and then epoch.
  public let metrics: [Metric]
  /// Notes, oldest first.
  public let notes: [Note]
  /// Its start and each resume, oldest first.
  public let sessions: [Session]

  /// A stored checkpoint.
  public struct Checkpoint: Equatable, Sendable {
    /// Unique in the file.
    public let id: Int64
    /// Completed epochs.
    public let epoch: Int
    /// Batches done in the next one; 0 between epochs.
    public let batch: Int
    /// Optimizer steps since the run began.
    public let step: Int
    /// Bytes.
    public let size: Int
    /// Lowercase hexadecimal.
    public let sha256: String
    /// ISO 8601, UTC.
    public let created: String
    /// The best of the run.
    public let isBest: Bool
    /// Retention never takes it.
    public let isPinned: Bool
    /// The run was resumed from an earlier point since.
    public let isSuperseded: Bool
  }

  /// A value that was recorded beside the epochs.
  public struct Metric: Equatable, Sendable {
    /// From 1.
    public let epoch: Int
    /// As it was recorded.
    public let name: String
    /// As it was recorded.
    public let value: Double
  }

  /// A remark.
  public struct Note: Equatable, Sendable {
    /// ISO 8601, UTC.
    public let created: String
    /// Of any number of lines.
    public let text: String
  }

  /// A start or a resume: the program that trained and what it ran in.
  public struct Session: Equatable, Sendable {
    /// ISO 8601, UTC.
    public let started: String
    /// nil while it runs, and where its process is gone without a word.
    public let ended: String?
    /// Seconds; of one that runs, so far.
    public let duration: Double
    /// As in ``RunInfo``.
    public let status: String
    /// Why it ended, in words; empty while it runs.
    public let reason: String
    /// The completed epochs of the checkpoint that it went on from; nil for the run's start.
    public let resumedEpoch: Int?
    /// Batches done in the next epoch; nil likewise.
    public let resumedBatch: Int?
    /// The machine's name.
    public let host: String
    /// The process there.
    public let pid: Int
    /// Of the library.
    public let libraryVersion: String
    /// Of the kernels, which the bits of a result depend on.
    public let instructionSet: String
    /// That computed.
    public let threads: Int
    /// Empty for none.
    public let commandLine: String
    /// nil if it is not known.
    public let workingDirectory: String?
    /// That was checked out there; nil without, or if it is not known.
    public let gitCommit: String?
    /// A JSON object: processor, memory, limits, versions of packages and more; nil where it was not
    /// noted.
    public let environment: String?
    /// The uncommitted changes of that repository, a JSON object with patch, untracked, truncated and
    /// unknown; nil where there were none, or no repository.
    public let gitChanges: String?
  }

  init(_ run: OpaquePointer) throws {
    info = RunInfo(try filled(cifar_run_info()) { cifar_run_get_info(run, $0, $1) })
    var json: UnsafePointer<CChar>?
    try check(cifar_run_get_hyperparameters(run, &json))
    hyperparameters = String(copying: json) ?? ""
    var images: UnsafePointer<CChar>?
    try check(cifar_run_get_best_chosen_on(run, &images))
    bestChosenOn = String(copying: images)
    try check(cifar_run_get_final_chosen_on(run, &images))
    finalChosenOn = String(copying: images)
    epochs = try (0..<counted { cifar_run_epoch_count(run, $0) }).map { index in
      EpochInfo(try filled(cifar_epoch_info()) { cifar_run_get_epoch(run, index, $0, $1) })
    }
    checkpoints = try (0..<counted { cifar_run_checkpoint_count(run, $0) }).map { index in
      Checkpoint(
        try filled(cifar_checkpoint_info()) { cifar_run_get_checkpoint(run, index, $0, $1) })
    }
    metrics = try (0..<counted { cifar_run_metric_count(run, $0) }).map { index in
      let info = try filled(cifar_metric_info()) { cifar_run_get_metric(run, index, $0, $1) }
      return Metric(
        epoch: Int(info.epoch), name: String(copying: info.name) ?? "", value: info.value)
    }
    notes = try (0..<counted { cifar_run_note_count(run, $0) }).map { index in
      let info = try filled(cifar_note_info()) { cifar_run_get_note(run, index, $0, $1) }
      return Note(
        created: String(copying: info.created) ?? "", text: String(copying: info.text) ?? "")
    }
    sessions = try (0..<counted { cifar_run_session_count(run, $0) }).map { index in
      var changes: UnsafePointer<CChar>?
      try check(cifar_run_get_changes(run, index, &changes))
      return Session(
        try filled(cifar_session_info()) { cifar_run_get_session(run, index, $0, $1) },
        gitChanges: String(copying: changes))
    }
  }
}

extension Run.Checkpoint {
  fileprivate init(_ info: cifar_checkpoint_info) {
    id = info.id
    epoch = Int(info.epoch)
    batch = Int(info.batch)
    step = Int(info.step)
    size = Int(info.size)
    sha256 = String(copying: info.sha256) ?? ""
    created = String(copying: info.created) ?? ""
    isBest = info.is_best != 0
    isPinned = info.is_pinned != 0
    isSuperseded = info.is_superseded != 0
  }
}

extension Run.Session {
  fileprivate init(_ info: cifar_session_info, gitChanges: String?) {
    started = String(copying: info.started) ?? ""
    ended = String(copying: info.ended)
    duration = info.duration_s
    status = String(copying: info.status) ?? ""
    reason = String(copying: info.reason) ?? ""
    resumedEpoch = info.resumed_epoch < 0 ? nil : Int(info.resumed_epoch)
    resumedBatch = info.resumed_batch < 0 ? nil : Int(info.resumed_batch)
    host = String(copying: info.host) ?? ""
    pid = Int(info.pid)
    libraryVersion = String(copying: info.library_version) ?? ""
    instructionSet = String(copying: info.instruction_set) ?? ""
    threads = Int(info.threads)
    commandLine = String(copying: info.command_line) ?? ""
    workingDirectory = String(copying: info.working_directory)
    gitCommit = String(copying: info.git_commit)
    environment = String(copying: info.environment)
    self.gitChanges = gitChanges
  }
}
