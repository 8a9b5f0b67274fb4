import CifarCore
import CifarData
import CifarNN
import Glibc
import Synchronization

/// Trains a network: epochs of batches, validation, callbacks.
///
/// All that happens is a function of the hyperparameters, the images and the instruction set. A
/// trainer can be stopped after any batch; one made from its checkpoint goes on to the same bits.
/// It knows of no registry: whoever observes it stores what it wants to keep.
public final class Trainer {
  public let hyperparameters: Hyperparameters
  public let network: Network

  private let train: Dataset
  private let validation: Dataset
  private let plan: Plan
  private let adam: Adam
  private let trainLoader: BatchLoader
  private let validationLoader: BatchLoader
  private let callbacks: [any Callback]
  private var state: TrainerState
  /// The weights of the best epoch so far, under their own names.
  private var bestWeights: [Tensor]?
  private let interrupted = Atomic<Bool>(false)

  /// Makes a trainer at the start of a run.
  ///
  /// - Parameter threads: threads that compute; one more prepares the images.
  /// - Throws: `invalidArgument` or `shapeMismatch` for options that can't be.
  public convenience init(
    hyperparameters: Hyperparameters, train: Dataset, validation: Dataset, threads: Int
  ) throws {
    var complete = hyperparameters
    complete.data = DataRecord(train: train, validation: validation)
    try self.init(complete, train, validation, threads)
  }

  /// Makes a trainer that goes on from a checkpoint.
  ///
  /// - Parameter epochs: a new number of epochs; nil leaves it.
  /// - Throws: also `shapeMismatch` if the images are others than those the run began with.
  public convenience init(
    resuming checkpoint: Checkpoint, epochs: Int?, train: Dataset, validation: Dataset,
    threads: Int
  ) throws {
    var hyperparameters = checkpoint.hyperparameters
    try hyperparameters.data?.check(train: train, validation: validation)
    // Another place of the same images is the one to find them at the next time.
    hyperparameters.data = DataRecord(train: train, validation: validation)
    if let epochs { hyperparameters.epochs = epochs }
    try self.init(hyperparameters, train, validation, threads)
    try restore(checkpoint, goesFurther: epochs != nil)
  }

  private init(
    _ hyperparameters: Hyperparameters, _ train: Dataset, _ validation: Dataset, _ threads: Int
  ) throws {
    try hyperparameters.validate()
    guard (1...1024).contains(threads) else {
      throw CifarError(.invalidArgument, "threads \(threads) is not in 1 to 1024")
    }
    let classes = hyperparameters.modelSpec.classes
    for dataset in [train, validation] where dataset.classNames.count != classes {
      throw CifarError(
        .shapeMismatch,
        "the model has \(classes) classes, the \(dataset.split.rawValue) images have "
          + "\(dataset.classNames.count)")
    }
    self.hyperparameters = hyperparameters
    self.train = train
    self.validation = validation
    let pool = ThreadPool(threads: threads)
    let batchSize = min(hyperparameters.batchSize, max(train.count, validation.count))
    network = try Network(
      spec: hyperparameters.modelSpec, dialect: hyperparameters.dialect,
      seed: hyperparameters.seed)
    plan = try Plan(network: network, batchSize: batchSize, training: true, pool: pool)
    adam = Adam(network: network, options: hyperparameters.optimizer.adam, pool: pool)
    trainLoader = try BatchLoader(
      dataset: train, batchSize: batchSize, normalization: hyperparameters.normalization,
      augmentations: hyperparameters.augmentations, seed: hyperparameters.seed, shuffle: true)
    validationLoader = try BatchLoader(
      dataset: validation, batchSize: batchSize, normalization: hyperparameters.normalization,
      augmentations: [], seed: hyperparameters.seed, shuffle: false)
    callbacks = hyperparameters.callbacks.map { $0.make() }
    state = TrainerState(learningRate: hyperparameters.optimizer.learningRate)
  }

  // MARK: Standing

  /// Completed epochs.
  public var epoch: Int { state.epoch }
  /// Batches done in the epoch under way.
  public var batch: Int { state.batch }
  /// Optimiser steps since the start.
  public var step: Int { state.step }
  public var batchesPerEpoch: Int { trainLoader.batchesPerEpoch }
  public var trainCount: Int { train.count }

  /// Makes `run` stop after the batch under way. May be called from any thread, and from a signal
  /// handler.
  public func interrupt() { interrupted.store(true, ordering: .relaxed) }

  // MARK: Training

  /// Trains until all epochs are done, a callback or the observer ends it, or it is interrupted.
  ///
  /// - Throws: `notFinite` as soon as a loss is NaN or infinite; whatever the observer throws.
  public func run(_ observer: any TrainerObserver) throws -> TrainingEnd {
    defer {
      trainLoader.stop()
      validationLoader.stop()
    }
    while state.epoch < hyperparameters.epochs, state.stopReason == nil {
      if let end = try trainEpoch(observer) { return end }
      guard let result = try validate(observer) else { return .interrupted }
      if let end = try endEpoch(result, observer) { return end }
    }
    if let bestWeights, hyperparameters.callbacks.contains(where: \.restoresBestWeights) {
      try network.load(bestWeights)
    }
    return .completed(reason: state.stopReason ?? "all \(state.epoch) epochs are done")
  }

  /// The batches of the epoch under way that are still to do; nil when all are done.
  private func trainEpoch(_ observer: any TrainerObserver) throws -> TrainingEnd? {
    trainLoader.start(epoch: state.epoch + 1, fromBatch: state.batch)
    var clock = Stopwatch()
    while let batch = trainLoader.next() {
      if takeInterrupt() { return .interrupted }
      let result = plan.trainStep(
        images: batch.images, labels: batch.labels, count: batch.count,
        seed: hyperparameters.seed, step: UInt64(state.step))
      guard result.lossSum.isFinite else {
        throw CifarError(
          .notFinite,
          "the loss is \(result.lossSum) in epoch \(state.epoch + 1), batch \(state.batch + 1): "
            + "training diverged; a lower learning rate than \(state.learningRate) may help")
      }
      adam.step(learningRate: state.learningRate)
      state.step += 1
      state.batch += 1
      state.lossSum += result.lossSum
      state.correct += result.correct
      state.seen += result.count
      let seconds = clock.lap()
      state.trainSeconds += seconds
      state.epochSeconds += seconds
      if try observer.batchEnded(progress) == .stop { return .stopped }
    }
    return nil
  }

  private var progress: BatchProgress {
    BatchProgress(
      epoch: state.epoch + 1, epochs: hyperparameters.epochs, batch: state.batch,
      batches: trainLoader.batchesPerEpoch, images: state.seen,
      loss: state.lossSum / Double(max(1, state.seen)),
      accuracy: Double(state.correct) / Double(max(1, state.seen)),
      learningRate: state.learningRate, trainSeconds: state.trainSeconds)
  }

  /// Loss and accuracy on the validation images; nil if it was interrupted.
  private func validate(_ observer: any TrainerObserver) throws -> BatchResult? {
    var clock = Stopwatch()
    observer.validationBegan()
    validationLoader.start(epoch: 1)
    var total = BatchResult(lossSum: 0, correct: 0, count: 0)
    while let batch = validationLoader.next() {
      if takeInterrupt() { return nil }
      let result = plan.evaluate(images: batch.images, labels: batch.labels, count: batch.count)
      total.lossSum += result.lossSum
      total.correct += result.correct
      total.count += result.count
    }
    state.epochSeconds += clock.lap()
    return total
  }

  private func endEpoch(
    _ result: BatchResult, _ observer: any TrainerObserver
  ) throws -> TrainingEnd? {
    let seen = Double(max(1, state.seen))
    let metrics = EpochMetrics(
      epoch: state.epoch + 1, trainLoss: state.lossSum / seen,
      trainAccuracy: Double(state.correct) / seen,
      valLoss: result.lossSum / Double(result.count),
      valAccuracy: Double(result.correct) / Double(result.count),
      learningRate: state.learningRate, seconds: state.epochSeconds,
      imagesPerSecond: seen / max(state.trainSeconds, 1e-9))
    var control = EpochControl(learningRate: state.learningRate)
    for callback in callbacks { callback.epochEnded(metrics, &control) }
    if control.keepsWeights { bestWeights = network.stateTensors() }
    state = TrainerState(
      epoch: state.epoch + 1, step: state.step, learningRate: control.learningRate,
      stopReason: control.stopReason)
    let answer = try observer.epochEnded(
      EpochReport(
        metrics: metrics, isBest: control.isBestCheckpoint,
        nextLearningRate: control.learningRate))
    return answer == .stop ? .stopped : nil
  }

  /// Whether somebody called `interrupt` since the last look.
  private func takeInterrupt() -> Bool {
    interrupted.exchange(false, ordering: .relaxed)
  }

  // MARK: Checkpoints

  /// Everything needed to go on as if nothing had happened, as a safetensors file.
  public func checkpoint() throws -> [UInt8] {
    var state = self.state
    state.callbacks = callbacks.map(\.state)
    let best = (bestWeights ?? []).map { tensor in
      Tensor(name: "best." + tensor.name, shape: tensor.shape, values: tensor.values)
    }
    return try Checkpoint(
      hyperparameters: hyperparameters, state: state,
      tensors: network.stateTensors() + adam.stateTensors() + best
    ).encoded()
  }

  private func restore(_ checkpoint: Checkpoint, goesFurther: Bool) throws {
    guard checkpoint.state.callbacks.count == callbacks.count else {
      throw CifarError(.badData, "the checkpoint's callbacks are not those of its hyperparameters")
    }
    try network.load(checkpoint.tensors)
    try adam.load(checkpoint.tensors, stepCount: checkpoint.state.step)
    let best = checkpoint.tensors.filter { $0.name.hasPrefix("best.") }
    bestWeights =
      best.isEmpty
      ? nil
      : best.map { tensor in
        Tensor(
          name: String(tensor.name.dropFirst("best.".count)), shape: tensor.shape,
          values: tensor.values)
      }
    state = checkpoint.state
    // Somebody who asks for more epochs wants them, also where early stopping ended the run.
    if goesFurther { state.stopReason = nil }
    for (callback, stored) in zip(callbacks, state.callbacks) { callback.state = stored }
  }
}

/// Seconds between two looks.
struct Stopwatch {
  private var last = Stopwatch.now()

  mutating func lap() -> Double {
    let now = Stopwatch.now()
    defer { last = now }
    return now - last
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
