import CCifar

/// One training under way: network, optimizer, data, and the registry that keeps what it does.
///
/// A trainer runs once; to continue, resume its run. While it runs, other threads may only
/// ``interrupt()`` it.
public final class Trainer: @unchecked Sendable {
  private let pointer: OpaquePointer

  /// Makes a trainer at the start of a new run, and writes the run into the registry.
  ///
  /// The trainer keeps what it needs of the data.
  ///
  /// - Throws: ``CifarError``: `invalidArgument`, naming the option and its range; `shapeMismatch` for
  ///   data that do not fit together; those of the registry.
  public init(
    train: Dataset, validation: Dataset, options: TrainOptions = TrainOptions()
  ) throws {
    pointer = try CStrings.during { strings in
      var options = try options.c(strings)
      return try withExtendedLifetime((train, validation)) {
        try made { cifar_trainer_create(train.pointer, validation.pointer, &options, $0) }
      }
    }
  }

  /// Makes a trainer that resumes a run, to the same bits as if it had never stopped.
  ///
  /// - Parameters:
  ///   - run: its id, the first 4 or more characters of it, or its name.
  ///   - train: the images it was trained on; nil to open them from their place.
  ///   - validation: likewise.
  /// - Throws: ``CifarError``: `notFound`, `ambiguous`; `busy` while another process trains the run;
  ///   `checksumMismatch` for a damaged checkpoint; `shapeMismatch` for other images.
  public init(
    resuming run: String, train: Dataset? = nil, validation: Dataset? = nil,
    options: ResumeOptions = ResumeOptions()
  ) throws {
    pointer = try CStrings.during { strings in
      let run = try strings(run)
      var options = try options.c(strings)
      return try withExtendedLifetime((train, validation)) {
        try made { cifar_trainer_resume(run, train?.pointer, validation?.pointer, &options, $0) }
      }
    }
  }

  deinit { cifar_trainer_free(pointer) }

  /// Trains until all epochs are done or the recipe's early stopping ends it, then puts the best
  /// weights back.
  ///
  /// It takes minutes to hours, and the calling thread: not one of Swift's concurrency.
  ///
  /// - Parameter follow: is told of everything, on this thread. Of the trainer it may call
  ///   ``setLearningRate(_:)``, ``record(_:_:)`` and ``interrupt()``. What it throws stops the training
  ///   and is thrown again when that has left its checkpoint.
  /// - Throws: ``CifarError``: `callback` after a `stop`, `interrupted`, `notFinite`, those of the
  ///   registry.
  public func run(_ follow: (Event) throws -> Answer = { _ in .proceed }) throws {
    try withoutActuallyEscaping(follow) { follow in
      let follower = Follower(follow)
      var callbacks = try filled(cifar_trainer_callbacks()) { cifar_trainer_callbacks_init($0, $1) }
      callbacks.user = Unmanaged.passUnretained(follower).toOpaque()
      Follower.set(&callbacks)
      try withExtendedLifetime(follower) {
        try check(cifar_trainer_set_callbacks(pointer, &callbacks))
        let status = cifar_trainer_run(pointer)
        if let error = follower.error { throw error }
        try check(status)
      }
    }
  }

  /// Makes ``run(_:)`` stop after the batch under way and leave a checkpoint; a trainer that does not
  /// run yet will stop at its first batch. From any thread.
  public func interrupt() { cifar_trainer_interrupt(pointer) }

  /// Sets the learning rate from the next batch on, 0 or above: while following, or while nothing
  /// trains.
  public func setLearningRate(_ rate: Double) throws {
    try check(cifar_trainer_set_learning_rate(pointer, rate))
  }

  /// Records a value that was measured, for the last completed epoch; at ``Event/epochEnd(_:)`` that
  /// one.
  ///
  /// - Parameter name: 1 to 100 letters, digits, `_` and `.`; filters know it as `metrics.NAME`.
  public func record(_ name: String, _ value: Double) throws {
    try CStrings.during { strings in
      try check(cifar_trainer_record_metric(pointer, strings(name), value))
    }
  }

  /// Where a trainer stands.
  public struct Info: Equatable, Sendable {
    /// Completed epochs.
    public let epoch: Int
    /// At most.
    public let epochs: Int
    /// Batches done in the epoch under way; 0 between epochs.
    public let batch: Int
    /// In an epoch.
    public let batches: Int
    /// That compute.
    public let threads: Int
    /// Optimizer steps since the run began.
    public let step: Int
    /// Numbers that are trained.
    public let parameters: Int
    /// A UUID; nil without a registry.
    public let runID: String?
    /// Its file; nil without one.
    public let registry: String?
    /// The complete set, a JSON object.
    public let hyperparameters: String
    /// Why training ended, in words; nil before.
    public let endReason: String?
    /// "terminate_on_nan" ended it; its run is "failed".
    public let hasDiverged: Bool
  }

  /// Where it stands. Not while it trains.
  public func info() throws -> Info {
    let info = try filled(cifar_trainer_info()) { cifar_trainer_get_info(pointer, $0, $1) }
    return Info(
      epoch: Int(info.epoch), epochs: Int(info.epochs), batch: Int(info.batch),
      batches: Int(info.batches), threads: Int(info.threads), step: Int(info.step),
      parameters: Int(info.parameters), runID: String(copying: info.run_id),
      registry: String(copying: info.registry),
      hyperparameters: String(copying: info.hyperparameters) ?? "",
      endReason: String(copying: info.end_reason), hasDiverged: info.has_diverged != 0)
  }

  /// How good the network is that a training ended with.
  public struct FinalResult: Equatable, Sendable {
    /// Of the test images, as a part of the training images was validated on; else of those that were
    /// validated on.
    public let isOfTestImages: Bool
    /// Whose weights they are, from 1.
    public let epoch: Int
    /// At other epochs of the run that looked at the test images.
    public let earlierLooks: Int
    /// That it was measured on.
    public let images: Int
    /// Mean cross-entropy, natural logarithm.
    public let loss: Double
    /// 0 to 1.
    public let accuracy: Double
    /// Where it lies on all such images, with 95 % confidence.
    public let accuracyInterval: ClosedRange<Double>
    /// With the run's test-time augmentation; NaN without one.
    public let augmentedLoss: Double
    /// Likewise.
    public let augmentedAccuracy: Double
    /// Whether the weights were chosen on these images.
    public let choseEpoch: Bool
  }

  /// What was measured when all epochs were done, of a run with `validation_split` or with test-time
  /// augmentation. Not while it trains.
  ///
  /// - Throws: ``CifarError``: `invalidState` where nothing was measured.
  public func finalResult() throws -> FinalResult {
    let result = try filled(cifar_final_result()) { cifar_trainer_get_result(pointer, $0, $1) }
    return FinalResult(
      isOfTestImages: result.is_of_test_images != 0, epoch: Int(result.epoch),
      earlierLooks: Int(result.earlier_looks), images: Int(result.images), loss: result.loss,
      accuracy: result.accuracy, accuracyInterval: result.accuracy_low...result.accuracy_high,
      augmentedLoss: result.augmented_loss, augmentedAccuracy: result.augmented_accuracy,
      choseEpoch: result.chose_epoch != 0)
  }

  /// The network as it is now; after a finished run, with the best weights. Independent of the
  /// trainer. Not while it trains.
  public func model() throws -> Model {
    try Model(owning: made { cifar_model_from_trainer(pointer, $0) })
  }
}

/// Who follows a run, and what was thrown.
private final class Follower {
  private let follow: (Event) throws -> Answer
  private(set) var error: (any Error)?

  init(_ follow: @escaping (Event) throws -> Answer) { self.follow = follow }

  /// What C is to hear; after an error nothing is followed any more.
  private func tell(_ event: Event) -> Int32 {
    guard error == nil else { return 1 }
    do {
      return try follow(event) == .proceed ? 0 : 1
    } catch {
      self.error = error
      return 1
    }
  }

  private static func tell(_ user: UnsafeMutableRawPointer?, _ event: Event) -> Int32 {
    guard let user else { return 0 }
    return Unmanaged<Follower>.fromOpaque(user).takeUnretainedValue().tell(event)
  }

  private static func tell<Info>(
    _ user: UnsafeMutableRawPointer?, _ info: UnsafePointer<Info>?, _ event: (Info) -> Event
  ) -> Int32 {
    guard let info else { return 0 }
    return tell(user, event(info.pointee))
  }

  static func set(_ callbacks: inout cifar_trainer_callbacks) {
    callbacks.on_train_begin = { Follower.tell($0, .trainBegin) }
    callbacks.on_epoch_begin = { Follower.tell($1, $0) { .epochBegin(BatchInfo($0)) } }
    callbacks.on_batch_begin = { Follower.tell($1, $0) { .batchBegin(BatchInfo($0)) } }
    callbacks.on_batch_end = { Follower.tell($1, $0) { .batchEnd(BatchInfo($0)) } }
    callbacks.on_validation_begin = { Follower.tell($0, .validationBegin) }
    callbacks.on_validation_end = { Follower.tell($1, $0) { .validationEnd(ValidationInfo($0)) } }
    callbacks.on_epoch_end = { Follower.tell($1, $0) { .epochEnd(EpochInfo($0)) } }
    callbacks.on_storage_wait = { Follower.tell($1, $0) { .storageWait(StorageInfo($0)) } }
    callbacks.on_train_end = { Follower.tell($0, .trainEnd) }
  }
}
