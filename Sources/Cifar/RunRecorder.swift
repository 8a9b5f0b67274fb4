import CifarCore
import CifarData
import CifarNN
import CifarRegistry
import CifarTraining
import Glibc
import Kernels

/// Writes a training into the registry as it happens: each epoch's row with its checkpoint, and a
/// checkpoint of the batch it stops at.
///
/// The bytes of a checkpoint are put together between two batches; hashing and writing them continues
/// beside the training, see `RegistryWriter`. What fails there ends the training with the next batch;
/// a lock that others hold does not. Where the end can't be written the run's last checkpoint goes to
/// a file, see `SidecarFile`.
final class RunRecorder: TrainerObserver {
  /// Who else follows the run, while it trains.
  var observers: [any RunObserver] = []

  let trainer: Trainer
  private let session: RunSession
  let registry: Registry
  private let writer: RegistryWriter
  /// For messages and files, from every working directory.
  private let absolutePath: String
  private let options: TrainingSession.Options
  private var name: String?
  private var tags: [String]
  private var group: String?
  /// The run's current rows, for a file that has to stand alone.
  private var rows: [EpochMetrics] = []
  private var metrics: [MetricRow] = []
  /// What was measured before this session.
  private(set) var measured: [MetricRow] = []
  /// The last epoch that this session does not train again.
  private var lastKeptEpoch = 0
  private var notes: [String] = []
  /// Epochs whose observers have not heard yet that they are stored, by the number of their row.
  private var unannounced: [(number: Int, report: EpochReport)] = []
  /// The epochs that waited when someone was last told; nil while none do.
  private var toldWaiting: Int?
  private var left: SidecarFile?
  /// Whether the last entries were handed over: what fails then is told as it is.
  private var isClosed = false
  /// What SQLite may need to write down that there was no memory left.
  private let reserve: EmergencyMemory

  /// Seconds that what is not written by the writer waits for others at a time.
  private static let attemptTimeout = 0.5

  private static let reserveSize = 2 << 20

  var runID: String { session.id }
  var registryPath: String { registry.path }

  convenience init(
    starting trainer: Trainer, registryPath: String, options: TrainingSession.Options
  ) throws {
    let reserve = try EmergencyMemory(bytes: RunRecorder.reserveSize)
    let hyperparameters = trainer.hyperparameters
    var run = NewRun(
      name: options.name, recipe: hyperparameters.recipe,
      hyperparameters: try StateCoding.encode(hyperparameters),
      model: try StateCoding.encode(hyperparameters.modelSpec),
      dataset: hyperparameters.data?.name ?? "memory",
      datasetHash: hyperparameters.data?.trainHash, seed: hyperparameters.seed,
      epochsPlanned: hyperparameters.exactEpochs, retention: RunRecorder.retention(options),
      session: RunRecorder.info(options))
    run.tags = options.tags
    run.group = options.group
    run.isOnlyOfItsSeed = options.isOnlyOfItsSeed
    // Before the file is made: a call that fails leaves none behind.
    try Registry.check(run)
    let registry = try Registry(path: registryPath, mode: .readWrite(create: true))
    self.init(trainer, try registry.createRun(run), registry, options, reserve)
    try registry.setBusyTimeout(RunRecorder.attemptTimeout)
  }

  /// - Throws: also `MovedCheckpoint`.
  convenience init(
    resuming trainer: Trainer, from point: ResumePoint, setsEpochs: Bool, rows: [EpochMetrics],
    measured: [MetricRow],
    takeOver: Bool, registry: Registry, options: TrainingSession.Options
  ) throws {
    let reserve = try EmergencyMemory(bytes: RunRecorder.reserveSize)
    let session = try registry.resumeRun(
      point.row.run, from: .id(point.row.id), session: RunRecorder.info(options),
      epochsPlanned: setsEpochs ? trainer.hyperparameters.exactEpochs : nil, takeOver: takeOver,
      chosen: point.chosen)
    self.init(trainer, session, registry, options, reserve)
    let summary = try registry.runs(RunQuery(filter: "id = '\(session.id)'")).first
    name = summary?.name
    tags = summary?.tags ?? []
    group = summary?.group
    self.rows = rows.filter { $0.epoch <= point.row.epoch }
    self.measured = measured
    lastKeptEpoch = point.row.epoch
    try registry.setBusyTimeout(RunRecorder.attemptTimeout)
  }

  private init(
    _ trainer: Trainer, _ session: RunSession, _ registry: Registry,
    _ options: TrainingSession.Options, _ reserve: EmergencyMemory
  ) {
    self.trainer = trainer
    self.session = session
    self.registry = registry
    self.options = options
    name = options.name
    tags = options.tags
    group = options.group
    self.reserve = reserve
    absolutePath = AbsolutePath.of(registry.path)
    writer = RegistryWriter(
      RegistryWriter.Sink(
        write: { entries, patience in
          try registry.setBusyTimeout(patience)
          try session.write(entries)
        }, heartbeat: { try session.heartbeat() }))
  }

  private static func retention(_ options: TrainingSession.Options) -> Retention {
    Retention(
      last: options.keepLast == 0 ? nil : options.keepLast,
      every: options.keepEvery == 0 ? nil : options.keepEvery)
  }

  /// Notes which processes train the run together.
  func record(peers: Peers, hosts: [String]) throws {
    var environment = RunRecorder.info(options).environment ?? [:]
    environment["peers"] = .object([
      "count": .integer(Int64(peers.count)), "hosts": .array(hosts.map { .string($0) }),
      "batch_norm": .string(peers.sharesBatchNorm ? "global" : "local"),
    ])
    try patiently { try session.replace(environment: environment) }
  }

  private static func info(_ options: TrainingSession.Options) -> SessionInfo {
    let directory = GitCommit.workingDirectory()
    var info = SessionInfo(
      libraryVersion: LibraryVersion.string, instructionSet: Kernels.current.name,
      threads: options.threads, commandLine: options.commandLine, workingDirectory: directory,
      gitCommit: directory.flatMap(GitCommit.current))
    var environment = Machine.facts
    if !options.packages.isEmpty {
      environment["packages"] = .object(options.packages.mapValues { .string($0) })
    }
    info.environment = environment
    guard let directory else {
      info.gitChanges = GitChanges(unknown: "the working directory has no path: it was removed")
      return info
    }
    info.gitChanges =
      options.keepsGitChanges
      ? GitChanges.current(in: directory) : GitChanges.leftOut(in: directory)
    return info
  }

  /// Whether the weights of an epoch were measured before, and what was measured of them stays.
  func hasMeasured(_ metric: ResultMetric, of epoch: Int) -> Bool {
    epoch <= lastKeptEpoch
      && measured.contains { $0.name == metric.rawValue && $0.epoch == epoch }
  }

  // MARK: Following

  func observe(_ event: TrainingEvent) throws -> TrainerAnswer {
    switch event {
    case .checkpointDue: try writer.submit([.checkpoint(checkpoint(isBest: false))])
    case .batchEnd:
      try writer.check()
      tellStored()
      return try tellDelay()
    case .epochEnd(let report): try store(report)
    case .remark(let remark):
      // A registry that fails is heard of with the next batch.
      try? note(remark)
    default: break
    }
    return .proceed
  }

  private func store(_ report: EpochReport) throws {
    let checkpoint = try checkpoint(isBest: report.isBest)
    let number = try writer.submit([.epoch(report.metrics), .checkpoint(checkpoint)])
    rows.append(report.metrics)
    unannounced.append((number, report))
    guard observers.contains(where: \.waitsForStorage) else { return }
    try writer.waitUntilStored()
    tellStored()
  }

  /// Tells who follows the run of the epochs that are stored since.
  func tellStored() {
    let stored = writer.storedNumber
    while let first = unannounced.first, first.number <= stored {
      unannounced.removeFirst()
      for observer in observers { observer.epochStored(first.report) }
    }
  }

  /// Says, once for every epoch that waits, that others hold the registry.
  private func tellDelay() throws -> TrainerAnswer {
    guard let delay = writer.delay else {
      if toldWaiting != nil {
        Log.write(.info, "run \(runID): \(absolutePath) can be written again")
      }
      toldWaiting = nil
      return .proceed
    }
    guard delay.epochs > 0, delay.seconds >= options.silence, delay.epochs != toldWaiting
    else { return .proceed }
    toldWaiting = delay.epochs
    let epochs = delay.epochs == 1 ? "1 epoch waits" : "\(delay.epochs) epochs wait"
    Log.write(
      .warning,
      "run \(runID): \(absolutePath) is held by another process: \(epochs) to be stored, training "
        + "continues")
    return try tell(
      StorageDelay(epochs: delay.epochs, seconds: delay.seconds, secondsLeft: nil))
  }

  private func tell(_ delay: StorageDelay) throws -> TrainerAnswer {
    var answer = TrainerAnswer.proceed
    for observer in observers where try observer.storageDelayed(delay) == .stop { answer = .stop }
    return answer
  }

  func note(_ text: String) throws {
    try writer.submit([.note(text)])
    notes.append(text)
  }

  /// - Parameter rows: of the last completed epoch, checked.
  func record(metrics rows: [MetricRow]) throws {
    try writer.submit([.metrics(rows)])
    metrics += rows
  }

  private func checkpoint(isBest: Bool) throws -> NewCheckpoint {
    NewCheckpoint(
      epoch: trainer.epoch, batch: trainer.batch, step: trainer.step, data: try checkpointBytes(),
      isBest: isBest)
  }

  /// Where there is no memory because others hold the registry, the one that this one supersedes goes.
  private func checkpointBytes() throws -> [UInt8] {
    do {
      return try trainer.checkpoint()
    } catch let error as CifarError where error.code == .outOfMemory && writer.delay != nil {
      writer.dropCheckpoints()
      return try trainer.checkpoint()
    }
  }

  // MARK: Ending

  /// - Parameter lacksResult: whether it was interrupted when all epochs were done.
  /// - Throws: `busy`, naming the file that has the rest, if others held the registry for too long;
  ///   `interrupted` likewise, if someone did not want to wait.
  func finish(_ end: TrainingEnd, lacksResult: Bool) throws {
    switch end {
    case .completed(let reason): try close([], SessionEnd(.completed, reason: reason))
    case .diverged(let reason): try close([], SessionEnd(.failed, reason: reason))
    case .stopped:
      try close(
        try batchCheckpoint(),
        SessionEnd(.stopped, reason: trainer.pauseReason ?? "stopped by a callback"))
    case .interrupted where lacksResult:
      try close(
        [],
        SessionEnd(
          .interrupted,
          reason: "interrupted after the last epoch, before the final weights were measured; a "
            + "resume measures them"))
    case .interrupted:
      try close(
        try batchCheckpoint(),
        SessionEnd(
          .interrupted,
          reason: "interrupted in epoch \(trainer.epoch + 1) after batch \(trainer.batch)"))
    }
  }

  /// Between two epochs the last epoch's checkpoint says it all, but there is none before the first.
  private func batchCheckpoint() throws -> [SessionEntry] {
    guard trainer.batch > 0 || trainer.epoch == 0 else { return [] }
    return [.checkpoint(try checkpoint(isBest: false))]
  }

  /// Writes the last entries, for as long as the options say.
  private func close(_ entries: [SessionEntry], _ end: SessionEnd) throws {
    isClosed = true
    let begin = Moment.now
    var isInterrupted = false
    let isStored: Bool
    do {
      isStored = try writer.finish(entries + [.end(end)], limit: options.busyTimeout) { delay in
        let waited = Moment.now - begin
        // Who kills a program that waits loses nothing.
        if waited >= options.silence / 2 { writeSidecarFile(end) }
        isInterrupted = trainer.takeInterrupt()
        let answer = try tell(
          StorageDelay(
            epochs: delay.epochs, seconds: delay.seconds,
            secondsLeft: max(0, options.busyTimeout - waited)))
        if answer == .stop { isInterrupted = true }
        return !isInterrupted
      }
    } catch {
      throw failed(error, end)
    }
    tellStored()
    guard !isStored else {
      left?.remove()
      return
    }
    let waited = Int((Moment.now - begin).rounded())
    let holder = registry.holder ?? "another process"
    let how =
      isInterrupted
      ? "interrupted while \(absolutePath) was held by \(holder)"
      : "\(absolutePath) was held by \(holder) for \(waited) s after the training"
    throw CifarError(isInterrupted ? .interrupted : .busy, "run \(runID): \(how); \(rest(end))")
  }

  /// Where the part of the run is that the registry lacks.
  private func rest(_ end: SessionEnd) -> String {
    writeSidecarFile(end)
    guard let left else {
      let epochs = writer.waiting.contains { if case .epoch = $0 { true } else { false } }
      return epochs
        ? "its last epochs are not stored" : "its epochs are stored, only how it ended is not"
    }
    session.willEnd(
      SessionEnd(
        .interrupted, reason: "its last epochs could not be stored; they are in \(left.path)"))
    return
      "its last checkpoint, with the epochs that are not stored, is in '\(left.path)': once the "
      + "registry can be written, take it up with: cifar-runs import '\(left.path)' --registry "
      + "'\(absolutePath)'"
  }

  /// Writes the newest checkpoint that waits to a file beside the registry, once.
  private func writeSidecarFile(_ end: SessionEnd) {
    guard left == nil else { return }
    let checkpoints = writer.waiting.compactMap { entry in
      if case .checkpoint(let checkpoint) = entry { checkpoint } else { nil }
    }
    guard let last = checkpoints.last else { return }
    let run = SidecarRun(
      id: runID, token: session.token, name: name, tags: tags, group: group,
      keepLast: RunRecorder.retention(options).last,
      keepEvery: RunRecorder.retention(options).every, status: end.status, reason: end.reason,
      ended: "\(end.time)", isBest: last.isBest,
      epochs: rows.suffix(SidecarRun.mostEpochs).map(SidecarRun.Epoch.init),
      metrics: metrics.suffix(SidecarRun.mostEpochs).map {
        SidecarRun.Metric(name: $0.name, epoch: $0.epoch, value: $0.value)
      }, notes: notes)
    do {
      left = try SidecarFile(last, of: run, beside: absolutePath)
    } catch {
      Log.write(
        .warning, "run \(runID): its last checkpoint can't be kept beside the registry: \(error)")
    }
  }

  /// Notes a failure. That the registry may be what failed must not hide the first error.
  ///
  /// - Returns: the error, which also says where the rest of the run is if the registry has it not.
  func fail(_ error: any Error) -> any Error {
    reserve.release()
    if isClosed { return error }
    let end = SessionEnd(.failed, reason: "\(error)")
    if writer.failure != nil { return failed(error, end) }
    do {
      try close([], end)
      return error
    } catch let second {
      return joined(error, "\(second)")
    }
  }

  /// Ends a run whose registry fails: what can be kept is kept beside it.
  private func failed(_ error: any Error, _ end: SessionEnd) -> any Error {
    // What another session took over is that session's.
    if let error = error as? CifarError, error.code == .busy { return error }
    if let error = error as? CifarError, error.code == .invalidState { return error }
    writeSidecarFile(end)
    do {
      try session.write([.end(left == nil ? end : SessionEnd(.failed, reason: "\(error)"))])
    } catch let second {
      Log.write(.warning, "run \(runID): its failure can't be recorded: \(second)")
    }
    return left == nil ? error : joined(error, rest(end))
  }

  private func joined(_ error: any Error, _ more: String) -> any Error {
    guard let error = error as? CifarError else {
      Log.write(.error, more)
      return error
    }
    return CifarError(error.code, "\(error.message); \(more)")
  }

  /// Tries again while others hold the registry, for as long as the options say.
  func patiently<Result>(_ body: () throws -> Result) throws -> Result {
    let begin = Moment.now
    while true {
      do {
        return try body()
      } catch let error as CifarError where error.isTransient {
        let waited = Moment.now - begin
        let answer = try tell(
          StorageDelay(
            epochs: 0, seconds: waited, secondsLeft: max(0, options.busyTimeout - waited)))
        guard waited < options.busyTimeout, answer != .stop, !trainer.takeInterrupt() else {
          throw error
        }
        usleep(100_000)
      }
    }
  }
}
