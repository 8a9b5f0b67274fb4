import CCifar
import Cifar
import CifarCore
import CifarTraining
import Glibc

/// A training session with the caller's callbacks and the strings it handed out.
///
/// While it trains it belongs to the thread that trains; else to whoever holds the lock.
final class TrainerHandle: TrainerObserver {
  let session: TrainingSession
  let threads: Int
  /// Set while nothing trains; called by the thread that trains.
  var onTrainBegin: (function: cifar_train_callback, user: UnsafeMutableRawPointer?)?
  var onTrainEnd: (function: cifar_train_callback, user: UnsafeMutableRawPointer?)?
  var onEpochBegin: (function: cifar_batch_callback, user: UnsafeMutableRawPointer?)?
  var onBatchBegin: (function: cifar_batch_callback, user: UnsafeMutableRawPointer?)?
  var onBatch: (function: cifar_batch_callback, user: UnsafeMutableRawPointer?)?
  var onEpoch: (function: cifar_epoch_callback, user: UnsafeMutableRawPointer?)?
  var onStorageWait: (function: cifar_storage_callback, user: UnsafeMutableRawPointer?)?

  private let lock = ConditionLock()
  /// The thread that trains; nil while none does. Under the lock.
  private var runner: pthread_t?
  private let process = getpid()
  private let strings = StringKeeper()
  private let runID: UnsafePointer<CChar>?
  private let registry: UnsafePointer<CChar>?
  private let hyperparameters: UnsafePointer<CChar>?
  private var endReason: UnsafePointer<CChar>?
  private var hasDiverged = false
  /// What a callback returned to stop the training.
  private var callbackAnswer: (name: String, value: Int32)?

  init(_ session: TrainingSession, threads: Int) throws {
    self.session = session
    self.threads = threads
    runID = strings.keep(session.runID)
    registry = strings.keep(session.registryPath)
    hyperparameters = strings.keep(try StateCoding.encode(session.trainer.hyperparameters))
  }

  static func from(_ pointer: OpaquePointer?) throws -> TrainerHandle {
    try Handle.object(pointer, TrainerHandle.self, "trainer")
  }

  /// Runs `body` on a trainer that belongs to this process and does not train; nobody else uses it
  /// meanwhile.
  static func idle<Result>(
    _ pointer: OpaquePointer?, _ body: (TrainerHandle) throws -> Result
  ) throws -> Result {
    let handle = try from(pointer)
    try handle.checkProcess()
    return try handle.lock.withLock {
      guard handle.runner == nil else { throw TrainerHandle.busy }
      return try body(handle)
    }
  }

  /// Runs `body` on the thread that trains, from a callback, or while nothing trains.
  private func inTurn(_ what: String, _ body: () throws -> Void) throws {
    try checkProcess()
    let isRunner = try lock.withLock { () throws -> Bool in
      guard let runner else {
        try body()
        return false
      }
      guard pthread_equal(runner, pthread_self()) != 0 else {
        throw CifarError(
          .invalidState, "the trainer is training; \(what) by its callbacks meanwhile")
      }
      return true
    }
    if isRunner { try body() }
  }

  private static let busy = CifarError(
    .invalidState, "the trainer is training; only cifar_trainer_interrupt may be called meanwhile")

  private func checkProcess() throws {
    guard process == getpid() else {
      throw CifarError(
        .invalidState, "the trainer was made before fork; make one in the child")
    }
  }

  func setLearningRate(_ rate: Double) throws {
    try inTurn("its learning rate is set") { try session.trainer.setLearningRate(rate) }
  }

  func record(metrics: [(name: String, value: Double)]) throws {
    try inTurn("metrics are recorded") {
      try LargeStack.run { try session.record(metrics: metrics) }
    }
  }

  /// Before the owner lets go: a training under way stops, and what its other thread does is over
  /// when this returns. From a callback the training stops when the callback has returned.
  func close() {
    // A child has a copy of the parent's trainer, not its threads.
    guard process == getpid() else { return }
    lock.withLock {
      guard let runner else { return }
      session.interrupt()
      guard pthread_equal(runner, pthread_self()) == 0 else { return }
      while self.runner != nil { lock.wait() }
    }
  }

  // MARK: Training

  /// What `run` needs of its caller's stack; cifar.h names it.
  private static let leastStack = 96 << 10

  func run() throws {
    try checkProcess()
    try LargeStack.require(TrainerHandle.leastStack, for: "training")
    try lock.withLock {
      guard runner == nil else { throw TrainerHandle.busy }
      runner = pthread_self()
    }
    defer {
      // In a child that a callback forked the trainer stays the parent's.
      if process == getpid() {
        lock.withLock {
          runner = nil
          lock.wakeAll()
        }
      }
    }
    let end: TrainingEnd
    do {
      end = try session.run(self)
    } catch let error as CifarError {
      if error.code != .invalidState {
        endReason = strings.keep(error.message.oneLine(atMost: CifarError.longestMessage))
      }
      throw error
    }
    switch end {
    case .completed(let reason): endReason = strings.keep(reason)
    case .diverged(let reason):
      endReason = strings.keep(reason)
      hasDiverged = true
    case .interrupted: throw ended(.interrupted, "interrupted")
    case .stopped:
      guard let answer = callbackAnswer else {
        throw ended(.callback, "stopped, for \(session.trainer.pauseReason ?? "a callback"),")
      }
      throw ended(
        .callback, "stopped by the \(answer.name) callback, which returned \(answer.value),")
    }
  }

  private func ended(_ code: CifarError.Code, _ how: String) -> CifarError {
    let trainer = session.trainer
    let place =
      trainer.batch == 0
      ? "after epoch \(trainer.epoch)"
      : "in epoch \(trainer.epoch + 1) after batch \(trainer.batch)"
    let remedy =
      session.runID.map { "resume run \($0.prefix(8)) to go on" } ?? "nothing was recorded"
    let message = "training was \(how) \(place); \(remedy)"
    endReason = strings.keep(message)
    return CifarError(code, message)
  }

  func trainBegan() throws -> TrainerAnswer {
    guard let onTrainBegin else { return .proceed }
    return try answer("train begin") { onTrainBegin.function(onTrainBegin.user) }
  }

  func trainEnded(_ end: TrainingEnd) throws {
    guard let onTrainEnd else { return }
    _ = try call { onTrainEnd.function(onTrainEnd.user) }
  }

  func epochBegan(_ progress: BatchProgress) throws -> TrainerAnswer {
    try ask(onEpochBegin, "epoch begin", progress)
  }

  func batchBegan(_ progress: BatchProgress) throws -> TrainerAnswer {
    try ask(onBatchBegin, "batch begin", progress)
  }

  var waitsForStorage: Bool { onEpoch != nil }

  func batchEnded(_ progress: BatchProgress) throws -> TrainerAnswer {
    try ask(onBatch, "batch", progress)
  }

  private func ask(
    _ callback: (function: cifar_batch_callback, user: UnsafeMutableRawPointer?)?, _ name: String,
    _ progress: BatchProgress
  ) throws -> TrainerAnswer {
    guard let callback else { return .proceed }
    var info = cifar_batch_info()
    info.struct_size = UInt32(MemoryLayout<cifar_batch_info>.size)
    info.epoch = UInt32(progress.epoch)
    info.epochs = UInt32(progress.epochs)
    info.batch = UInt32(progress.batch)
    info.batches = UInt32(progress.batches)
    info.images = UInt64(progress.images)
    info.loss = progress.loss
    info.accuracy = progress.accuracy
    info.learning_rate = progress.learningRate
    info.seconds = progress.trainSeconds
    return try answer(name) { callback.function(&info, callback.user) }
  }

  func epochEnded(_ report: EpochReport) throws -> TrainerAnswer {
    guard let onEpoch else { return .proceed }
    let metrics = report.metrics
    var info = cifar_epoch_info()
    info.struct_size = UInt32(MemoryLayout<cifar_epoch_info>.size)
    info.epoch = UInt32(metrics.epoch)
    info.train_loss = metrics.trainLoss
    info.train_accuracy = metrics.trainAccuracy
    info.val_loss = metrics.valLoss
    info.val_accuracy = metrics.valAccuracy
    info.learning_rate = metrics.learningRate
    info.seconds = metrics.seconds
    info.images_per_second = metrics.imagesPerSecond
    info.is_best = report.isBest ? 1 : 0
    return try answer("epoch") { onEpoch.function(&info, onEpoch.user) }
  }

  func storageDelayed(_ delay: StorageDelay) throws -> TrainerAnswer {
    guard let onStorageWait else { return .proceed }
    var info = cifar_storage_info()
    info.struct_size = UInt32(MemoryLayout<cifar_storage_info>.size)
    info.epochs = UInt32(clamping: delay.epochs)
    info.seconds = delay.seconds
    info.seconds_left = delay.secondsLeft ?? -1
    return try answer("storage wait") { onStorageWait.function(&info, onStorageWait.user) }
  }

  private func answer(_ name: String, _ callback: () -> Int32) throws -> TrainerAnswer {
    let value = try call(callback)
    guard value != 0 else { return .proceed }
    callbackAnswer = (name, value)
    return .stop
  }

  /// Calls the host's code in the host's floating-point environment.
  ///
  /// - Throws: `invalidState` where the code forked and this is the child.
  private func call(_ callback: () -> Int32) throws -> Int32 {
    let value = HostEnvironment.lent(callback)
    guard process == getpid() else {
      throw CifarError(
        .invalidState,
        "a callback forked: the training goes on in the parent, and the child has no part in it")
    }
    return value
  }

  // MARK: Looking

  var info: cifar_trainer_info {
    let trainer = session.trainer
    var info = cifar_trainer_info()
    info.epoch = UInt32(trainer.epoch)
    info.epochs = UInt32(trainer.hyperparameters.epochs)
    info.batch = UInt32(trainer.batch)
    info.batches = UInt32(trainer.batchesPerEpoch)
    info.threads = UInt32(threads)
    info.step = UInt64(trainer.step)
    info.parameters = UInt64(trainer.network.parameterCount)
    info.run_id = runID
    info.registry = registry
    info.hyperparameters = hyperparameters
    info.end_reason = endReason
    info.has_diverged = hasDiverged ? 1 : 0
    return info
  }
}
