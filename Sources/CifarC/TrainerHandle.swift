import CCifar
import Cifar
import CifarCore
import CifarTraining
import Glibc
import Synchronization

/// A training session with the caller's callbacks and the strings it handed out.
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

  private let isRunning = Atomic<Bool>(false)
  /// The thread that trains.
  private let runner = Atomic<pthread_t>(0)
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

  /// A trainer that can be looked at and changed: it belongs to this process and does not train.
  static func idle(_ pointer: OpaquePointer?) throws -> TrainerHandle {
    let handle = try from(pointer)
    try handle.checkProcess()
    guard !handle.isRunning.load(ordering: .acquiring) else { throw TrainerHandle.busy }
    return handle
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
    try checkProcess()
    if isRunning.load(ordering: .acquiring) {
      guard pthread_equal(runner.load(ordering: .acquiring), pthread_self()) != 0 else {
        throw CifarError(
          .invalidState,
          "the trainer is training; its learning rate is set by its callbacks meanwhile")
      }
    }
    try session.trainer.setLearningRate(rate)
  }

  // MARK: Training

  func run() throws {
    try checkProcess()
    guard isRunning.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else { throw TrainerHandle.busy }
    runner.store(pthread_self(), ordering: .releasing)
    defer { isRunning.store(false, ordering: .releasing) }
    let end: TrainingEnd
    do {
      end = try session.run(self)
    } catch let error as CifarError {
      if error.code != .invalidState { endReason = strings.keep(error.message) }
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

  func trainBegan() -> TrainerAnswer {
    onTrainBegin.map { answer("train begin", $0.function($0.user)) } ?? .goOn
  }

  func trainEnded(_ end: TrainingEnd) { _ = onTrainEnd.map { $0.function($0.user) } }

  func epochBegan(_ progress: BatchProgress) -> TrainerAnswer {
    ask(onEpochBegin, "epoch begin", progress)
  }

  func batchBegan(_ progress: BatchProgress) -> TrainerAnswer {
    ask(onBatchBegin, "batch begin", progress)
  }

  var waitsForStorage: Bool { onEpoch != nil }

  func batchEnded(_ progress: BatchProgress) -> TrainerAnswer {
    ask(onBatch, "batch", progress)
  }

  private func ask(
    _ callback: (function: cifar_batch_callback, user: UnsafeMutableRawPointer?)?, _ name: String,
    _ progress: BatchProgress
  ) -> TrainerAnswer {
    guard let callback else { return .goOn }
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
    return answer(name, callback.function(&info, callback.user))
  }

  func epochEnded(_ report: EpochReport) -> TrainerAnswer {
    guard let onEpoch else { return .goOn }
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
    return answer("epoch", onEpoch.function(&info, onEpoch.user))
  }

  private func answer(_ name: String, _ value: Int32) -> TrainerAnswer {
    guard value != 0 else { return .goOn }
    callbackAnswer = (name, value)
    return .stop
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
