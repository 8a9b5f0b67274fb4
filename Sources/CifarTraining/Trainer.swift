import CheckpointFormat
import CifarCore
import CifarData
import CifarNN
import Synchronization

/// Trains a network: epochs of batches, validation, callbacks.
///
/// All that happens is a function of the hyperparameters, the images and the instruction set. A
/// trainer can be stopped after any batch; one made from its checkpoint continues to the same bits.
/// What is kept of it is its observers' business.
public final class Trainer {
  public let hyperparameters: Hyperparameters
  public let network: Network

  private let train: Dataset
  private let validation: Dataset
  private var plan: Plan
  let optimizer: OptimizerGroups
  /// The groups of `optimizer`, in its order.
  let groups: [TrainedGroup]
  let lookahead: Lookahead?
  let average: WeightAverage?
  private var trainLoader: BatchLoader
  private var validationLoader: BatchLoader
  let callbacks: [any Callback]
  var state: TrainerState
  /// The weights of the best epoch so far, under their own names.
  var bestWeights: [Tensor]?
  /// The epoch whose weights the network has when `run` has completed.
  public private(set) var endEpoch = 0
  /// Why the last `run` ended as `stopped`, if no observer asked for it.
  public private(set) var pauseReason: String?
  /// Whether the validation loss of the epoch before was no number.
  private var isLost = false
  /// In the place of all schedules: see `RateRangeTest`.
  var testedFactor: ((_ step: Int) -> Double)?
  /// The processes that it trains together with.
  private(set) var peers: PeerControl?
  private let pool: ThreadPool
  /// While it runs.
  private var observers = ObserverList()
  private let interrupted = Atomic<Bool>(false)

  /// Makes a trainer at the start of a run.
  ///
  /// - Parameters:
  ///   - test: images that the trainer only writes down: they are looked at when it is done.
  ///   - threads: threads that compute; one more prepares the images.
  ///   - weights: to begin with; what they lack, and nil, is drawn.
  /// - Throws: `invalidArgument` or `shapeMismatch` for invalid options or weights of another model,
  ///   `outOfMemory`.
  public convenience init(
    hyperparameters: Hyperparameters, train: Dataset, validation: Dataset, test: Dataset? = nil,
    threads: Int, weights: InitialWeights? = nil
  ) throws {
    var complete = hyperparameters
    try Trainer.check(complete, train, validation)
    complete.data = try DataRecord(train: train, validation: validation, test: test)
    complete.callbacks = complete.callbacks.map(\.located)
    complete.weights = weights?.record
    try self.init(
      complete, train, validation, threads, weights.map { .weights($0.tensors) } ?? .fresh)
  }

  /// Makes a trainer that continues from a checkpoint.
  ///
  /// - Parameter epochs: a new number of epochs, the last one perhaps in part; nil leaves it.
  /// - Throws: also `shapeMismatch` if the images are others than those the run began with.
  public convenience init(
    resuming checkpoint: Checkpoint, epochs: Double?, train: Dataset, validation: Dataset,
    test: Dataset? = nil, threads: Int
  ) throws {
    var hyperparameters = checkpoint.hyperparameters
    try hyperparameters.data?.check(train: train, validation: validation, test: test)
    // Another place of the same images is the one to find them at the next time.
    try Trainer.check(hyperparameters, train, validation)
    var data = try DataRecord(train: train, validation: validation, test: test)
    if let before = hyperparameters.data {
      data.classNames = try ClassNames.agreed(
        before.classNames, of: "the run", data.classNames, of: "the images")
    }
    hyperparameters.data = data
    if let epochs {
      try Trainer.check(epochs: epochs, from: checkpoint)
      hyperparameters.exactEpochs = epochs
    }
    try self.init(hyperparameters, train, validation, threads, .checkpoint)
    try restore(checkpoint, goesFurther: epochs != nil)
  }

  /// What a network begins with.
  private enum Beginning {
    case fresh
    case weights([Tensor])
    /// To be loaded afterwards.
    case checkpoint
  }

  private init(
    _ hyperparameters: Hyperparameters, _ train: Dataset, _ validation: Dataset, _ threads: Int,
    _ beginning: Beginning
  ) throws {
    try hyperparameters.validate()
    try hyperparameters.modelSpec.requireTrainable()
    guard (1...1024).contains(threads) else {
      throw CifarError(.invalidArgument, "threads \(threads) is not in 1 to 1024")
    }
    var complete = hyperparameters
    complete.modelSpec = hyperparameters.modelSpec.resolved(for: hyperparameters.dialect)
    let hyperparameters = complete
    try Trainer.checkMemory(for: hyperparameters, storesCheckpoints: false)
    self.hyperparameters = hyperparameters
    self.train = train
    self.validation = validation
    pool = ThreadPool(threads: threads)
    let batchSize = min(hyperparameters.batchSize, max(train.count, validation.count))
    network = try Network(
      spec: hyperparameters.modelSpec, dialect: hyperparameters.dialect,
      seed: hyperparameters.seed, frozen: hyperparameters.frozenParameters())
    // Before anything copies them.
    switch beginning {
    case .weights(let tensors):
      if !network.isComplete(tensors) { try network.whiten(train, hyperparameters.normalization) }
      try network.load(partially: tensors)
    case .fresh: try network.whiten(train, hyperparameters.normalization)
    case .checkpoint: break
    }
    plan = try Plan(
      network: network, batchSize: batchSize, training: true, pool: pool,
      precision: hyperparameters.precision)
    plan.loss = hyperparameters.loss.lossOptions(in: hyperparameters.dialect)
    optimizer = try hyperparameters.optimizer.make(network: network, pool: pool)
    groups = try hyperparameters.trainedGroups(frozen: network.frozen)
    lookahead = try hyperparameters.lookahead?.make(network: network, pool: pool)
    average = try hyperparameters.ema.map { [network, pool] in
      try WeightAverage(network: network, decay: $0, pool: pool)
    }
    trainLoader = try BatchLoader(
      dataset: train, batchSize: batchSize, normalization: hyperparameters.normalization,
      augmentations: hyperparameters.augmentations, seed: hyperparameters.seed, shuffle: true,
      dropLast: hyperparameters.dropLast, workers: BatchLoader.workers(threads: pool.threads))
    validationLoader = try BatchLoader(
      dataset: validation, batchSize: batchSize, normalization: hyperparameters.normalization,
      augmentations: [], seed: hyperparameters.seed, shuffle: false,
      workers: BatchLoader.workers(threads: pool.threads))
    callbacks = hyperparameters.callbacks.map { $0.make() }
    state = TrainerState(learningRate: hyperparameters.optimizer.learningRate)
  }

  /// Shares all batches with other processes that train the same; before `run`. All processes do so
  /// at the same time, and have the same hyperparameters, state and images.
  ///
  /// - Throws: `outOfMemory`.
  func share(with peers: PeerControl) throws {
    let batchSize = min(hyperparameters.batchSize, max(train.count, validation.count))
    let group = peers.peers
    let part = { (total: Int) in group.images(ofBatch: total) }
    let plan = try Plan(
      network: network, batchSize: Plan.share(of: batchSize, among: group), training: true,
      pool: pool, precision: hyperparameters.precision)
    plan.loss = self.plan.loss
    try plan.share(with: group)
    let trainLoader = try BatchLoader(
      dataset: train, batchSize: batchSize, normalization: hyperparameters.normalization,
      augmentations: hyperparameters.augmentations, seed: hyperparameters.seed, shuffle: true,
      dropLast: hyperparameters.dropLast, part: part,
      workers: BatchLoader.workers(threads: pool.threads))
    let validationLoader = try BatchLoader(
      dataset: validation, batchSize: batchSize, normalization: hyperparameters.normalization,
      augmentations: [], seed: hyperparameters.seed, shuffle: false, part: part,
      workers: BatchLoader.workers(threads: pool.threads))
    (self.plan, self.trainLoader, self.validationLoader) = (plan, trainLoader, validationLoader)
    self.peers = peers
  }

  // MARK: Standing

  /// Completed epochs.
  public var epoch: Int { state.epoch }
  /// Batches done in the epoch under way.
  public var batch: Int { state.batch }
  /// Optimiser steps since the start.
  public var step: Int { state.step }
  /// Optimizer steps in an epoch.
  public var batchesPerEpoch: Int {
    hyperparameters.stepsPerEpoch ?? trainLoader.batchesPerEpoch
  }
  public var trainCount: Int { train.count }
  /// Optimizer steps of all epochs.
  public var steps: Int { hyperparameters.steps(batches: batchesPerEpoch) }

  /// Optimizer steps in the epoch under way: the last may have fewer.
  private var batchesInEpoch: Int {
    let last = hyperparameters.epochs - 1
    return state.epoch == last
      ? min(batchesPerEpoch, steps - last * batchesPerEpoch) : batchesPerEpoch
  }
  /// Batches in a pass over the images.
  var batchesPerPass: Int { trainLoader.batchesPerEpoch }

  /// Makes `run` stop after the batch under way. May be called from any thread, and from a signal
  /// handler.
  public func interrupt() { interrupted.store(true, ordering: .relaxed) }

  /// Tells the callbacks which epochs the run has on record, those that it trains again included;
  /// before `run`.
  public func recall(_ epochs: [EpochMetrics]) {
    for callback in callbacks { callback.recall(epochs) }
  }

  // MARK: Training

  /// Trains until all epochs are done, a callback or an observer ends it, or it is interrupted.
  ///
  /// - Parameter observers: are told of everything, in this order.
  /// - Throws: `notFinite` as soon as a batch's loss is NaN or infinite, unless a TerminateOnNaN looks
  ///   at it; whatever an observer throws.
  public func run(_ observers: [any TrainerObserver]) throws -> TrainingEnd {
    self.observers = ObserverList(observers: observers)
    defer {
      self.observers = ObserverList()
      trainLoader.stop()
      validationLoader.stop()
      for callback in activeCallbacks { callback.trainEnded() }
    }
    do {
      var remarks: [String] = []
      for callback in activeCallbacks { try callback.trainBegan(epoch: state.epoch, &remarks) }
      try tell(remarks)
      let end: TrainingEnd
      if try tell(.trainBegin) == .stop, try stops() {
        end = .stopped
      } else {
        end = try trainEpochs()
      }
      _ = try tell(.trainEnd(end))
      // One that has failed at its end says so now. Who interrupts a complete training has no more than
      // the evaluation of its end to spare.
      if !isApart { _ = try agree() }
      return end
    } catch {
      peers?.leave(error)
      throw error
    }
  }

  /// Those that this process has: files are written by the first one.
  private var activeCallbacks: [any Callback] {
    callbacks.filter { (peers?.peers.rank ?? 0) == 0 || !$0.writesFile }
  }

  /// Whether a wish to stop is granted at once: with others it is when all know of it.
  private func stops(_ reason: String? = nil) throws -> Bool {
    guard let peers else {
      pauseReason = reason
      return true
    }
    peers.wish(.stop, reason)
    return false
  }

  /// How all processes end the training, now that this one and the others have said what they wish; nil
  /// if none wants to.
  private func agree() throws -> TrainingEnd? {
    guard let peers else { return nil }
    if takeInterrupt() { peers.wish(.interrupt, nil) }
    let answer = try peers.agree(learningRate: state.learningRate)
    state.learningRate = answer.learningRate
    switch answer.wish {
    case .proceed: return nil
    case .stop:
      pauseReason = answer.reason
      return .stopped
    case .interrupt: return .interrupted
    }
  }

  private func tell(_ event: TrainingEvent) throws -> TrainerAnswer { try observers.tell(event) }

  private func tell(_ remarks: [String]) throws {
    for remark in remarks {
      Log.write(.warning, remark)
      _ = try tell(.remark(remark))
    }
  }

  private func trainEpochs() throws -> TrainingEnd {
    let clock = Stopwatch()
    // An epoch that a callback cut short is validated and has its row all the same, as in Keras.
    while state.epoch < hyperparameters.epochs, state.stopReason == nil || state.batch > 0 {
      if let end = try trainEpoch(clock) { return end }
      // Where a batch's observer wanted to stop, no epoch ends.
      if let end = try agree() { return end }
      // The epoch's work is done: it ends, and has its row, whatever is answered from here on.
      var answer = try tell(.validationBegin)
      guard let validation = try evaluated({ try validate() }) else { return .interrupted }
      if try tell(.validationEnd(validation)) == .stop { answer = .stop }
      if try endEpoch(validation) == .stop { answer = .stop }
      if answer == .stop, try stops() { return .stopped }
      if let end = try agree() { return end }
    }
    average?.finish()
    endEpoch = state.epoch
    if let bestWeights, hyperparameters.callbacks.contains(where: \.options.restoresBestWeights) {
      try network.load(bestWeights)
      let restored = callbacks.compactMap { ($0 as? EarlyStopping)?.restoredEpoch }
      endEpoch = restored.max() ?? state.epoch
    }
    if state.hasDiverged == true, let reason = state.stopReason {
      return .diverged(reason: reason)
    }
    return .completed(reason: endReason)
  }

  /// What a callback says of the end counts as its reason where something was left to train.
  private var endReason: String {
    let done = "all \(hyperparameters.epochsText) epochs are done"
    guard let reason = state.stopReason else { return done }
    return state.step < steps ? reason : "\(done); \(reason)"
  }

  /// The batches of the epoch under way that are still to do; nil when all are done, or when a
  /// callback ended them.
  private func trainEpoch(_ session: Stopwatch) throws -> TrainingEnd? {
    if state.batch == 0, try tell(.epochBegin(progress(learningRate))) == .stop, try stops() {
      return .stopped
    }
    // Steps and passes over the images need not go together: see `stepsPerEpoch`.
    let perPass = trainLoader.batchesPerEpoch
    trainLoader.start(epoch: state.step / perPass + 1, fromBatch: state.step % perPass)
    var clock = Stopwatch()
    let batches = batchesInEpoch
    while state.batch < batches, state.stopReason == nil {
      if state.step % perPass == 0, state.batch > 0 {
        trainLoader.start(epoch: state.step / perPass + 1)
      }
      guard let batch = trainLoader.next() else { break }
      try MemoryNeed.checkReserve()
      if peers == nil, takeInterrupt() { return .interrupted }
      if peers?.wantsToEnd != true, try tell(.batchBegin(progress(learningRate))) == .stop,
        try stops()
      {
        return .stopped
      }
      if let end = try agree() { return end }
      optimizer.setTrained(groups.map { $0.isTrained(step: state.step, batches: batchesPerEpoch) })
      let result = try plan.trainStep(
        images: batch.images, labels: batch.labels, weights: batch.weights, mixed: batch.mixed,
        total: batch.total, seed: hyperparameters.seed, step: UInt64(state.step))
      var control = BatchControl()
      let outcome = BatchOutcome(
        epoch: state.epoch + 1, batch: state.batch + 1,
        loss: result.lossSum / Double(result.count), sessionSeconds: session.elapsed)
      for callback in activeCallbacks { callback.batchEnded(outcome, &control) }
      if control.stopReason == nil { try requireFinite(outcome.loss) }
      let rate = learningRate
      optimizer.step(learningRates: groupRates(rate, ofStep: state.step))
      state.step += 1
      lookahead?.update(step: state.step, of: steps)
      if state.step == steps { lookahead?.finish() }
      average?.update()
      state.batch += 1
      state.lossSum += result.lossSum
      state.correct += result.correct
      state.seen += result.count
      state.stopReason = control.stopReason
      if control.stopReason != nil { state.hasDiverged = !outcome.loss.isFinite }
      let lap = clock.lap()
      state.trainSeconds += lap.seconds
      state.add(lap)
      var answer = control.savesCheckpoint ? try tell(.checkpointDue) : .proceed
      if try tell(.batchEnd(progress(rate))) == .stop { answer = .stop }
      if answer == .stop, try stops() { return .stopped }
      if let reason = control.pauseReason, try stops(reason) { return .stopped }
    }
    return nil
  }

  private func requireFinite(_ loss: Double) throws {
    guard loss.isFinite else {
      throw CifarError(
        .notFinite,
        "the loss is \(loss) in epoch \(state.epoch + 1), batch \(state.batch + 1): "
          + "training diverged; \(adviceOnDivergence)")
    }
  }

  private func progress(_ rate: Double) -> BatchProgress {
    BatchProgress(
      epoch: state.epoch + 1, epochs: hyperparameters.epochs, batch: state.batch,
      batches: batchesInEpoch, images: state.seen,
      loss: state.lossSum / Double(max(1, state.seen)),
      accuracy: Double(state.correct) / Double(max(1, state.seen)),
      learningRate: rate, trainSeconds: state.trainSeconds)
  }

  /// Runs `body` while the network has the weights that it is to be judged by.
  func evaluated<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard let average else { return try body() }
    return try average.evaluated(body)
  }

  /// Loss and accuracy on the validation images; nil if it was interrupted.
  private func validate() throws -> ValidationReport? {
    var clock = Stopwatch()
    validationLoader.start(epoch: 1)
    try peers?.peers.unifyStatistics(of: network)
    var results: [BatchResult] = []
    var totals: [Int] = []
    while let batch = validationLoader.next() {
      try MemoryNeed.checkReserve()
      if takeInterrupt() {
        guard let peers else { return nil }
        peers.wish(.interrupt, nil)
        break
      }
      results.append(
        plan.evaluate(images: batch.images, labels: batch.labels, partOf: batch.total))
      totals.append(batch.total)
    }
    if let peers {
      if try agree() != nil { return nil }
      results = try peers.peers.batchResults(results, ofBatches: totals)
    }
    let total = results.reduce(BatchResult(lossSum: 0, correct: 0, count: 0), +)
    let lap = clock.lap()
    state.add(lap)
    return ValidationReport(
      epoch: state.epoch + 1, images: total.count, loss: total.lossSum / Double(total.count),
      accuracy: Double(total.correct) / Double(total.count), seconds: lap.seconds)
  }

  private func endEpoch(_ validation: ValidationReport) throws -> TrainerAnswer {
    let seen = Double(max(1, state.seen))
    var metrics = EpochMetrics(
      epoch: state.epoch + 1, trainLoss: state.lossSum / seen,
      trainAccuracy: Double(state.correct) / seen,
      valLoss: validation.loss, valAccuracy: validation.accuracy,
      learningRate: rate(ofStep: max(0, state.step - 1)), seconds: state.epochSeconds,
      imagesPerSecond: seen / max(state.trainSeconds, 1e-9))
    metrics[.cpuSeconds] = state.epochCPUSeconds
    metrics[.peakMemory] = Double(ProcessUsage.peakMemory)
    var control = EpochControl(learningRate: state.learningRate)
    for callback in activeCallbacks { try callback.epochEnded(metrics, &control) }
    try tell(control.remarks)
    if control.keepsWeights {
      bestWeights = try MemoryNeed.secured(
        network.stateBytes + (1 << 16), for: "the best weights so far"
      ) { evaluated { network.stateTensors() } }
    }
    // Where it stays so, the first epoch says it for all; with others, the first process.
    if !metrics.valLoss.isFinite, !isLost, control.divergence == nil, (peers?.peers.rank ?? 0) == 0
    {
      try tell([
        "the validation loss of epoch \(metrics.epoch) is \(metrics.valLoss): training may have "
          + "diverged; \(adviceOnDivergence); terminate_on_nan ends such a run"
      ])
    }
    isLost = !metrics.valLoss.isFinite
    let hasDiverged =
      state.stopReason != nil && state.hasDiverged == true || control.divergence != nil
    state = TrainerState(
      epoch: state.epoch + 1, step: state.step, learningRate: control.learningRate,
      stopReason: state.stopReason ?? control.divergence ?? control.stopReason,
      hasDiverged: hasDiverged ? true : nil)
    return try tell(
      .epochEnd(
        EpochReport(
          metrics: metrics, isBest: control.isBestCheckpoint, nextLearningRate: learningRate)))
  }

  /// Whether someone called `interrupt` since the last look.
  public func takeInterrupt() -> Bool {
    interrupted.exchange(false, ordering: .relaxed)
  }
}

extension Network {
  /// - Parameter normalization: of the images.
  fileprivate func whiten(_ train: Dataset, _ normalization: Normalization) throws {
    let normalizer = ImageNormalizer(train.shape, normalization)
    try whiten(images: train.count) {
      normalizer.run(train.images.pointer + $0 * train.shape.count, to: $1)
    }
  }
}
