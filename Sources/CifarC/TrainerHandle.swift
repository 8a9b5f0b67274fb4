import CCifar
import Cifar
import CifarCore
import CifarNN
import CifarTraining
import Glibc

/// A training session with the caller's callbacks and the strings it handed out.
///
/// While it trains it belongs to the thread that trains; else to whoever holds the lock.
final class TrainerHandle {
  private(set) var session: TrainingSession
  /// Sessions that others took the place of: a signal handler may have just found one of them here.
  private var former: [TrainingSession] = []
  let threads: Int
  /// Set while nothing trains; called by the thread that trains.
  var callbacks = cifar_trainer_callbacks.defaults

  private let lock = ConditionLock()
  /// The thread that trains; nil while none does. Under the lock.
  private var runner: pthread_t?
  private let process = getpid()
  private let strings = StringKeeper()
  private var runID: UnsafePointer<CChar>?
  private var registry: UnsafePointer<CChar>?
  private var hyperparameters: UnsafePointer<CChar>?
  private var endReason: UnsafePointer<CChar>?
  private var hasDiverged = false

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
  private func inTurn<Result>(_ what: String, _ body: () throws -> Result) throws -> Result {
    try checkProcess()
    let result = try lock.withLock { () throws -> Result? in
      guard let runner else { return try body() }
      guard pthread_equal(runner, pthread_self()) != 0 else {
        throw CifarError(
          .invalidState, "the trainer is training; \(what) by its callbacks meanwhile")
      }
      return nil
    }
    return try result ?? body()
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

  /// Before it trains: see `cifar_trainer_set_peers`.
  func share(with peers: Peers) throws {
    let new = try session.shared(with: peers)
    guard new !== session else { return }
    let text = strings.keep(try StateCoding.encode(new.trainer.hyperparameters))
    former.append(session)
    let old = session
    session = new
    hyperparameters = text
    if old.trainer.takeInterrupt() { new.interrupt() }
  }

  func record(metrics: [(name: String, value: Double)]) throws {
    try inTurn("metrics are recorded") {
      try LargeStack.run { try session.record(metrics: metrics) }
    }
  }

  /// The network as it is now.
  func model() throws -> Model {
    try inTurn("its model is taken") {
      try LargeStack.run { try Model(session.trainer.snapshot(), threads: threads) }
    }
  }

  /// Before the owner frees it: a training under way is stopped, and its other thread has finished
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
    let observer = CallbackObserver(callbacks)
    let end: TrainingEnd
    do {
      end = try session.run([observer])
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
      guard let answer = observer.stop else {
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
      session.runID.map { "resume run \($0.prefix(8)) to continue" } ?? "nothing was recorded"
    let message = "training was \(how) \(place); \(remedy)"
    endReason = strings.keep(message)
    return CifarError(code, message)
  }

  // MARK: State

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
