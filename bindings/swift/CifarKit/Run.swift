import CCifar

/// A run in one line.
public struct RunInfo: Equatable, Sendable {
  /// Epochs recorded.
  public let epochs: Int
  /// At most.
  public let epochsPlanned: Int
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
    epochsPlanned = Int(info.epochs_planned)
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
  /// Epochs on the line that leads to where the run stands.
  public let epochs: [EpochInfo]
  /// Checkpoints, oldest first.
  public let checkpoints: [Checkpoint]
  /// What was recorded beside the epochs, by name and then epoch.
  public let metrics: [Metric]
  /// Notes, oldest first.
  public let notes: [Note]

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

  init(_ run: OpaquePointer) throws {
    info = RunInfo(try filled(cifar_run_info()) { cifar_run_get_info(run, $0, $1) })
    var json: UnsafePointer<CChar>?
    try check(cifar_run_get_hyperparameters(run, &json))
    hyperparameters = String(copying: json) ?? ""
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
