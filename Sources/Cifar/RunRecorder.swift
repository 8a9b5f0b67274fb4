import CifarCore
import CifarData
import CifarRegistry
import CifarTraining
import Glibc
import Kernels

/// Writes a training into the registry as it happens: each epoch's row with its checkpoint, and a
/// checkpoint of the very batch when it is stopped.
///
/// The bytes of a checkpoint are put together between two batches; hashing and writing them goes on
/// beside the training. What fails there ends the training with the next batch.
final class RunRecorder: TrainerObserver {
  /// Who follows the training besides.
  weak var observer: (any TrainerObserver)?

  private let trainer: Trainer
  private let session: RunSession
  private let registry: Registry
  private let writer = BackgroundWriter()
  private var lastHeartbeat = time(nil)
  /// What SQLite may need to write down that there was no memory left.
  private let reserve: EmergencyMemory

  /// Seconds between two signs of life: readers elsewhere wait half an hour for one.
  private static let heartbeatInterval = 30

  private static let reserveSize = 2 << 20

  var runID: String { session.id }
  var registryPath: String { registry.path }

  init(starting trainer: Trainer, registryPath: String, options: TrainingSession.Options) throws {
    self.trainer = trainer
    reserve = try EmergencyMemory(bytes: RunRecorder.reserveSize)
    let hyperparameters = trainer.hyperparameters
    var run = NewRun(
      name: options.name, recipe: hyperparameters.recipe,
      hyperparameters: try StateCoding.encode(hyperparameters),
      model: try StateCoding.encode(hyperparameters.modelSpec),
      dataset: hyperparameters.data?.name ?? "memory",
      datasetHash: hyperparameters.data?.trainHash, seed: hyperparameters.seed,
      epochsPlanned: hyperparameters.epochs, retention: RunRecorder.retention(options),
      session: RunRecorder.info(options))
    run.tags = options.tags
    // Before the file is made: a call that fails leaves none behind.
    try Registry.check(run)
    registry = try Registry(path: registryPath, mode: .readWrite(create: true))
    session = try registry.createRun(run)
  }

  init(
    resuming trainer: Trainer, run: String, from checkpoint: CheckpointRow, epochs: Int?,
    registry: Registry, options: TrainingSession.Options
  ) throws {
    self.trainer = trainer
    reserve = try EmergencyMemory(bytes: RunRecorder.reserveSize)
    self.registry = registry
    session = try registry.resumeRun(
      run, from: .id(checkpoint.id), session: RunRecorder.info(options), epochsPlanned: epochs)
  }

  private static func retention(_ options: TrainingSession.Options) -> Retention {
    Retention(
      last: options.keepLast == 0 ? nil : options.keepLast,
      every: options.keepEvery == 0 ? nil : options.keepEvery)
  }

  private static func info(_ options: TrainingSession.Options) -> SessionInfo {
    let directory = GitCommit.workingDirectory()
    return SessionInfo(
      libraryVersion: LibraryVersion.string, instructionSet: Kernels.current.name,
      threads: options.threads, commandLine: options.commandLine, workingDirectory: directory,
      gitCommit: directory.flatMap(GitCommit.current))
  }

  // MARK: Following

  func trainBegan() throws -> TrainerAnswer { try observer?.trainBegan() ?? .goOn }

  func epochBegan(_ progress: BatchProgress) throws -> TrainerAnswer {
    try observer?.epochBegan(progress) ?? .goOn
  }

  func batchBegan(_ progress: BatchProgress) throws -> TrainerAnswer {
    try observer?.batchBegan(progress) ?? .goOn
  }

  func batchEnded(_ progress: BatchProgress) throws -> TrainerAnswer {
    try writer.check()
    let now = time(nil)
    if now - lastHeartbeat >= RunRecorder.heartbeatInterval {
      lastHeartbeat = now
      try session.heartbeat()
    }
    return try observer?.batchEnded(progress) ?? .goOn
  }

  func checkpointDue() throws {
    let checkpoint = try checkpoint(isBest: false)
    try writer.submit { [session] in try session.save(checkpoint: checkpoint) }
  }

  func trainEnded(_ end: TrainingEnd) throws { try observer?.trainEnded(end) }

  func validationBegan() { observer?.validationBegan() }

  func epochEnded(_ report: EpochReport) throws -> TrainerAnswer {
    let metrics = report.metrics
    let row = EpochRow(
      epoch: metrics.epoch, trainLoss: metrics.trainLoss, trainAccuracy: metrics.trainAccuracy,
      valLoss: metrics.valLoss, valAccuracy: metrics.valAccuracy,
      learningRate: metrics.learningRate, seconds: metrics.seconds,
      imagesPerSecond: metrics.imagesPerSecond)
    let checkpoint = try checkpoint(isBest: report.isBest)
    try writer.submit { [session] in try session.record(epoch: row, checkpoint: checkpoint) }
    if let observer, observer.waitsForStorage { try writer.drain() }
    return try observer?.epochEnded(report) ?? .goOn
  }

  func note(_ text: String) throws { try session.note(text) }

  /// Records how the best checkpoint does class by class. The run has ended by then: whatever goes
  /// wrong here, the run is complete.
  func evaluateBest(on validation: Dataset, threads: Int) {
    do {
      try LargeStack.run {
        let row = try registry.checkpoint(.best, of: runID)
        let model = try Model(checkpoint: registry.checkpointData(row.id), threads: threads)
        try registry.record(
          evaluation: try ClassEvaluator.evaluate(model, on: validation), of: runID)
      }
    } catch {
      Log.write(.warning, "run \(runID): its classes can't be evaluated: \(error)")
    }
  }

  func record(metrics: [(name: String, value: Double)]) throws {
    guard let first = metrics.first else { return }
    guard trainer.epoch > 0 else {
      throw CifarError(
        .invalidState, "metric \(first.name) belongs to an epoch, and none has ended yet")
    }
    // They belong to a row that has to be there.
    try writer.drain()
    try session.record(
      metrics: metrics.map { MetricRow(name: $0.name, epoch: trainer.epoch, value: $0.value) })
  }

  private func checkpoint(isBest: Bool) throws -> NewCheckpoint {
    NewCheckpoint(
      epoch: trainer.epoch, batch: trainer.batch, step: trainer.step,
      data: try trainer.checkpoint(), isBest: isBest)
  }

  // MARK: Ending

  func finish(_ end: TrainingEnd) throws {
    try writer.drain()
    switch end {
    case .completed(let reason): try session.finish(status: .completed, reason: reason)
    case .diverged(let reason): try session.finish(status: .failed, reason: reason)
    case .stopped:
      try saveBatch()
      try session.finish(status: .stopped, reason: trainer.pauseReason ?? "stopped by a callback")
    case .interrupted:
      try saveBatch()
      try session.finish(
        status: .interrupted,
        reason: "interrupted in epoch \(trainer.epoch + 1) after batch \(trainer.batch)")
    }
  }

  /// Between two epochs the last epoch's checkpoint says it all, but there is none before the first.
  private func saveBatch() throws {
    if trainer.batch > 0 || trainer.epoch == 0 {
      try session.save(checkpoint: checkpoint(isBest: false))
    }
  }

  /// Notes the failure. That the registry may be what failed must not hide the first error.
  func fail(_ error: any Error) {
    reserve.release()
    do {
      try writer.drain()
    } catch let second {
      Log.write(.warning, "run \(runID): the last epoch can't be recorded: \(second)")
    }
    do {
      try session.finish(status: .failed, reason: "\(error)")
    } catch let second {
      Log.write(.warning, "run \(runID): its failure can't be recorded: \(second)")
    }
  }
}
