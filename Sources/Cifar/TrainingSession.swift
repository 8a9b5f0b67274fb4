import CifarCore
import CifarData
import CifarRegistry
import CifarTraining
import Glibc
import Kernels

/// One start or resume of a run: a trainer, and the registry that keeps what it does.
///
/// This is what the command line and the C interface call. A session is used once: make it, `run`
/// it. Apart from `interrupt` it belongs to one thread.
public final class TrainingSession {
  public let trainer: Trainer
  let recorder: RunRecorder?
  let images: SessionImages
  private var validation: Dataset { images.validation }
  /// What is looked at once, at the end; nil where the test images are validated on.
  private var test: Dataset? { images.test }
  let tensorBoard: TensorBoardLog?
  /// Threads that compute.
  public let threads: Int
  var hasRun = false
  /// Set by `run` where the hyperparameters ask for it.
  public private(set) var result: Result?
  /// Whether someone interrupted that measurement, all epochs being done.
  public private(set) var lacksResult = false
  /// What an earlier session measured of the weights that training ended with, and is not measured again.
  public private(set) var earlierResult: [MetricRow] = []
  private let process = getpid()
  /// What a person should know: weights that do not fit, or were trained on images
  /// normalised otherwise, a damaged
  /// checkpoint that was passed over at a resume.
  public let remarks: [String]

  /// The run's UUID; nil for a session without a registry.
  public var runID: String? { recorder?.runID }
  /// Where the run is kept; nil for a session without a registry.
  public var registryPath: String? { recorder?.registryPath }

  /// How a session is kept and watched; nothing here changes what is learned.
  public struct Options {
    /// The registry's file; nil for none. It is created if it does not exist.
    public var registryPath: String?
    /// What people call the run.
    public var name: String?
    /// Threads that compute, at least 1.
    public var threads: Int
    /// Checkpoints that stay, besides the best one; 0 for all.
    public var keepLast: Int
    /// The checkpoint of every n-th epoch stays too; 0 for none of them.
    public var keepEvery: Int
    /// Tags of a new run.
    public var tags: [String]
    /// The group that a new run belongs to.
    public var group: String?
    /// Whether a new run is refused where the group has one of its seed: two processes that train the same
    /// group do not train the same.
    public var isOnlyOfItsSeed = false
    /// What the registry notes down as the way the session was started.
    public var commandLine: String
    /// The program's own packages, versions by name, noted down likewise.
    public var packages: [String: String] = [:]
    /// Whether the uncommitted changes of the working directory's repository are noted down, too.
    public var keepsGitChanges = true
    /// A directory in which TensorBoard's event files are written while training; nil for none.
    public var tensorBoard: String?
    /// Seconds for which the end of training waits for a registry that others hold, from 0 to
    /// 1,000,000: until then everything waits in memory, and then goes to a file beside the registry.
    public var busyTimeout = 600.0
    /// Seconds before someone is told that others hold the registry, and half of them before a file
    /// is made at the end.
    var silence = StorageDelay.worthTelling

    public init(
      registryPath: String?, name: String? = nil,
      threads: Int = ThreadPool.defaultThreads, keepLast: Int = 2, commandLine: String = "",
      keepEvery: Int = 0, tags: [String] = []
    ) {
      self.registryPath = registryPath
      self.name = name
      self.threads = threads
      self.keepLast = keepLast
      self.commandLine = commandLine
      self.keepEvery = keepEvery
      self.tags = tags
    }

    fileprivate func check() throws {
      guard (0...1e6).contains(busyTimeout) else {
        throw CifarError(
          .invalidArgument, "the busy timeout, \(busyTimeout) s, is not in 0 to 1,000,000")
      }
    }

    /// Before the run is written down.
    fileprivate func checkPlaces() throws {
      if let tensorBoard { try TensorBoardLog.check(tensorBoard) }
    }
  }

  init(
    trainer: Trainer, recorder: RunRecorder?, images: SessionImages, threads: Int,
    tensorBoard: TensorBoardLog?, remarks: [String] = []
  ) {
    self.trainer = trainer
    self.recorder = recorder
    self.images = images
    self.threads = threads
    self.tensorBoard = tensorBoard
    self.remarks = remarks
  }

  /// Begins a run.
  ///
  /// The run is written down last: invalid options leave no trace in the registry.
  ///
  /// - Parameter weights: to begin with; what they lack, and nil, is drawn.
  public static func start(
    train: Dataset, validation: Dataset, hyperparameters: Hyperparameters,
    weights: InitialWeights? = nil, options: Options
  ) throws -> TrainingSession {
    try hyperparameters.validate()
    let images = try SessionImages(train: train, validation: validation, split: hyperparameters)
    let remark = images.roundingRemark(share: hyperparameters.validationSplit)
    return try start(
      images, hyperparameters: hyperparameters, weights: weights, options: options,
      noting: remark.map { [$0] } ?? [])
  }

  /// - Parameter noting: what a person should know besides, a sentence each.
  static func start(
    _ images: SessionImages, hyperparameters: Hyperparameters, weights: InitialWeights?,
    options: Options, noting: [String] = []
  ) throws -> TrainingSession {
    try options.check()
    try hyperparameters.validate()
    try Trainer.checkMemory(
      for: hyperparameters, storesCheckpoints: options.registryPath != nil)
    let trainer = try Trainer(
      hyperparameters: hyperparameters, train: images.train, validation: images.validation,
      test: images.test, threads: options.threads, weights: weights)
    try options.checkPlaces()
    let recorder = try options.registryPath.map {
      try RunRecorder(starting: trainer, registryPath: $0, options: options)
    }
    let tensorBoard = options.tensorBoard.map {
      TensorBoardLog(
        $0,
        TensorBoardLog.Start(
          runID: recorder?.runID, name: options.name, group: options.group,
          commandLine: options.commandLine), trainer.hyperparameters)
    }
    let remarks = noting + (weights?.remarks(for: hyperparameters) ?? [])
    try tell(remarks, recorder)
    return TrainingSession(
      trainer: trainer, recorder: recorder, images: images, threads: options.threads,
      tensorBoard: tensorBoard, remarks: remarks)
  }

  /// Resumes a run from one of its checkpoints.
  ///
  /// - Parameters:
  ///   - run: the run's UUID, the start of it, or its name.
  ///   - epochs: a new number of epochs, the last one perhaps in part; nil for as many as are planned.
  ///   - train: the images it was trained on; nil to open them.
  ///   - validation: likewise.
  ///   - location: where to open them; nil for where the run had them from.
  ///   - takeOver: also a run that seems to be running, on a machine that can't be asked. Its session
  ///     can write nothing from then on.
  ///   Where the last one is damaged the newest before it is taken, and `remarks` says so. What is the
  ///   last or the best one is decided in the transaction in which the run becomes this session's.
  /// - Throws: `notFound`, `ambiguous`; `checksumMismatch` if there is no whole checkpoint, or the
  ///   one that was named is damaged; `shapeMismatch` for other images; `busy` if it is running.
  public static func resume(
    run: String, checkpoint choice: CheckpointChoice = .last, epochs: Double? = nil,
    train: Dataset? = nil, validation: Dataset? = nil, location: String? = nil,
    takeOver: Bool = false, options: Options
  ) throws -> TrainingSession {
    try options.check()
    guard let path = options.registryPath else {
      throw CifarError(.invalidArgument, "a run is resumed from a registry: name one")
    }
    if let epochs { try Hyperparameters.check(epochs: epochs) }
    let registry = try Registry(path: path, mode: .readWrite(create: false))
    // Another process may resume the run, train it and end while this one opens its images.
    for _ in 0..<mostAttempts {
      // Before the images are opened, which takes a while.
      try registry.requireIdle(run, takeOver: takeOver)
      let chosen = try ResumePoint(choice, of: run, in: registry)
      let epochs = try epochs ?? chosen.plannedExtension(in: registry)
      let point = try chosen.continued(to: epochs, of: run, in: registry)
      let images = try SessionImages(
        of: point.checkpoint, train: train, validation: validation, location: location)
      do {
        return try resume(
          point, of: registry, images, epochs: epochs, takeOver: takeOver, options)
      } catch is MovedCheckpoint {}
    }
    throw CifarError(.busy, "run \(run.excerpt) is resumed elsewhere again and again; try later")
  }

  private static let mostAttempts = 5

  /// - Throws: `MovedCheckpoint` if the run has continued meanwhile.
  private static func resume(
    _ point: ResumePoint, of registry: Registry, _ images: SessionImages, epochs: Double?,
    takeOver: Bool,
    _ options: Options
  ) throws -> TrainingSession {
    let checkpoint = point.checkpoint
    try Trainer.checkMemory(for: checkpoint.hyperparameters, storesCheckpoints: true)
    let trainer = try Trainer(
      resuming: checkpoint, epochs: epochs, train: images.train, validation: images.validation,
      test: images.test, threads: options.threads)
    let rows = try registry.epochs(of: point.row.run)
    let measured = try registry.metrics(of: point.row.run)
    trainer.recall(rows)
    let remarks = try point.remarks + changes(trainer, from: point, in: registry)
    try options.checkPlaces()
    let tensorBoard = try options.tensorBoard.map {
      TensorBoardLog(
        $0, .resuming(try registry.run(matching: point.row.run), from: point, options),
        trainer.hyperparameters)
    }
    let recorder = try RunRecorder(
      resuming: trainer, from: point, setsEpochs: epochs != nil, rows: rows, measured: measured,
      takeOver: takeOver, registry: registry, options: options)
    try tell(remarks, recorder)
    return TrainingSession(
      trainer: trainer, recorder: recorder, images: images,
      threads: options.threads, tensorBoard: tensorBoard, remarks: remarks)
  }

  private static func tell(_ remarks: [String], _ recorder: RunRecorder?) throws {
    for remark in remarks {
      Log.write(.warning, remark)
      try recorder?.note(remark)
    }
  }

  /// How a resumed run will differ from one that was never stopped, a sentence each.
  private static func changes(
    _ trainer: Trainer, from point: ResumePoint, in registry: Registry
  ) throws -> [String] {
    var remarks: [String] = []
    let path = AbsolutePath.of(registry.path)
    if point.chosen.choice == .last, let file = SidecarFile.newer(than: point.row, beside: path) {
      remarks.append(
        "'\(file)' has later epochs of the run, which could not be stored; cifar-runs import takes "
          + "them up: before a resume as this run, afterwards as a run of its own")
    }
    if let jump = trainer.rateJump(from: point.checkpoint.hyperparameters.exactEpochs) {
      remarks.append(jump)
    }
    let present = Kernels.current.name
    if let before = try registry.instructionSet(of: point.row.id), before != present {
      remarks.append(
        "the run was trained with the instruction set \(before), and continues with \(present): the "
          + "results will not be to the bit those of a run that never stopped (CIFAR_ISA chooses)")
    }
    return remarks
  }

  /// Trains to the end, recording every epoch.
  ///
  /// - Parameter observers: are told of everything, in this order, after the registry.
  /// - Returns: how it ended. After an interrupt, a checkpoint of the batch just done is stored.
  /// - Throws: what ended it; the run is then `failed`, with all that was recorded before.
  public func run(_ observers: [any RunObserver] = []) throws -> TrainingEnd {
    guard !hasRun else {
      throw CifarError(
        .invalidState,
        "a trainer runs once; resume \(runID.map { "run \($0)" } ?? "from a registry")")
    }
    hasRun = true
    do {
      let end = try train(observers)
      if case .diverged = end {
        tensorBoard?.finish(.failure)
      } else {
        tensorBoard?.finish(.success)
      }
      return end
    } catch {
      if process == getpid() { tensorBoard?.finish(.failure) }
      throw error
    }
  }

  private func train(_ observers: [any RunObserver]) throws -> TrainingEnd {
    // Before the program's own, which may record metrics of the epoch.
    let logs: [any TrainerObserver] = tensorBoard.map { [$0] } ?? []
    guard let recorder else {
      let end = try trainer.run(logs + observers)
      try evaluateEnd(end)
      return lacksResult ? .interrupted : end
    }
    recorder.observers = observers
    defer { recorder.observers = [] }
    do {
      var end = try trainer.run([recorder] + logs + observers)
      try evaluateEnd(end)
      if lacksResult { end = .interrupted }
      try recorder.finish(end, lacksResult: lacksResult)
      if case .completed = end { recorder.evaluateBest(on: validation, threads: threads) }
      return end
    } catch {
      // A child that an observer forked has nothing to say about its parent's run.
      guard process == getpid() else { throw error }
      throw recorder.fail(error)
    }
  }

  /// How good the network is that a training ended with: on the test images, if it was validated on a
  /// part of the training images, else on those that it was validated on.
  public struct Result: Sendable {
    public let isOfTestImages: Bool
    /// The epoch whose weights they are.
    public let epoch: Int
    /// Whether the images that it is of chose the epoch: see `Trainer.hasChosenWeights`.
    public let choseEpoch: Bool
    /// How often the run looked at these images before.
    public let earlierLooks: Int
    public let plain: Evaluation
    public let augmentation: TestTimeAugmentation
    /// nil without augmentation.
    public let augmented: Evaluation?
  }

  /// Whether the images that the weights are measured on, which training ended with, chose them.
  public var hasChosenResult: Bool { test == nil && trainer.hasChosenWeights }

  /// Once for the weights that a training ends with: not again where it is resumed, and there is nothing
  /// left to train. Where someone interrupts it, a resume makes up for it.
  private func evaluateEnd(_ end: TrainingEnd) throws {
    let augmentation = trainer.hyperparameters.testTimeAugmentation
    guard case .completed = end, augmentation != .none || test != nil, !trainer.isApart
    else { return }
    let epoch = trainer.endEpoch
    let accuracy = test == nil ? ResultMetric.finalValAccuracy : .testAccuracy
    // Other processes know of no run: all measure, or none does.
    if trainer.isAlone, let recorder, recorder.hasMeasured(accuracy, of: epoch) {
      earlierResult = recorder.measured.filter {
        $0.epoch == epoch && ResultMetric(rawValue: $0.name) != nil
      }
      return
    }
    let looks = (recorder?.measured ?? []).count { $0.name == accuracy.rawValue }
    let images = test ?? validation
    func check(_ isInterrupt: Bool) throws {
      guard isInterrupt else { return }
      lacksResult = true
      throw CifarError(.interrupted, "interrupted")
    }
    func checkBatch() throws {
      // The last epoch is told of when it is stored, not when this is over.
      recorder?.tellStored()
      try check(trainer.interruptsEvaluation())
    }
    do {
      let evaluator = try Evaluator(
        trainer.network, of: trainer.hyperparameters, threads: threads, allowsNonFinite: true)
      let peers = trainer.transport
      let plain = try evaluator.evaluate(
        images, augmentation: .none, among: peers, beforeBatch: checkBatch
      ).evaluation()
      let augmented =
        augmentation == .none
        ? nil
        : try evaluator.evaluate(
          images, augmentation: augmentation, among: peers, beforeBatch: checkBatch
        ).evaluation()
      // Where this one is ready another may have failed.
      if peers != nil { try check(trainer.finishEvaluation()) }
      result = Result(
        isOfTestImages: test != nil, epoch: epoch,
        choseEpoch: hasChosenResult,
        earlierLooks: test == nil ? 0 : looks,
        plain: plain, augmentation: augmentation, augmented: augmented)
      var metrics = [(accuracy, plain.accuracy)]
      if test != nil { metrics.append((.testLoss, plain.loss)) }
      if let augmented {
        metrics.append((test == nil ? .ttaValAccuracy : .ttaTestAccuracy, augmented.accuracy))
      }
      try record(metrics: metrics.map { ($0.rawValue, $1) }, epoch: epoch)
    } catch {
      guard lacksResult else {
        trainer.leave(error)
        throw error
      }
    }
  }

  /// Records values that the caller measured, for the last completed epoch: all or none. Without a
  /// registry they are checked only, so that a program works with one too.
  ///
  /// On the thread that trains, from an observer, or while nothing trains.
  ///
  /// - Throws: `invalidState` before the first epoch has ended; `invalidArgument` for a name that a
  ///   metric can't have.
  public func record(metrics: [(name: String, value: Double)]) throws {
    try record(metrics: metrics, epoch: trainer.epoch)
  }

  private func record(metrics: [(name: String, value: Double)], epoch: Int) throws {
    guard let first = metrics.first else { return }
    guard trainer.epoch > 0 else {
      throw CifarError(
        .invalidState, "metric \(first.name) belongs to an epoch, and none has ended yet")
    }
    let rows = metrics.map { MetricRow(name: $0.name, epoch: epoch, value: $0.value) }
    try SessionEntry.metrics(rows).check()
    try recorder?.record(metrics: rows)
    tensorBoard?.record(rows)
  }

  /// Makes `run` stop within a batch. May be called from any thread, and from a signal handler.
  public func interrupt() { trainer.interrupt() }
}
