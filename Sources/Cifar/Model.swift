import CheckpointFormat
import CifarCore
import CifarData
import CifarNN
import CifarRegistry
import CifarTraining

/// A trained model to use: weights, and all that is needed to feed it images.
///
/// The weights are those of the checkpoint's moment. A model may be used from any thread; its calls
/// take turns.
public final class Model: @unchecked Sendable {
  /// Completed epochs.
  public let epoch: Int

  /// Optimizer steps since the start; 0 where nobody knows.
  let step: Int

  /// Whether the images that the run was validated on chose the epoch; see `share(ofChoiceIn:)`.
  let isChosen: Bool

  /// Used under the lock.
  private let evaluator: Evaluator
  private let lock = ConditionLock()
  let source: ModelSource

  init(
    _ evaluator: Evaluator, epoch: Int, step: Int, source: ModelSource, isChosen: Bool
  ) {
    self.isChosen = isChosen
    self.evaluator = evaluator
    self.epoch = epoch
    self.step = step
    self.source = source
  }

  /// Its weights never change.
  var network: Network { evaluator.network }

  /// - Parameters:
  ///   - bytes: a checkpoint, as it lies in the registry or in an exported file.
  ///   - isBest: whether it was asked for as the best of its run; nil where nobody knows.
  ///   - epochs: of the run; nil where nobody knows.
  ///   - isOrigin: whether the run began with it: then it may also have been chosen before, of which
  ///     it has to tell itself.
  ///   - threads: threads that compute, from 1 to 1024.
  ///   - allowsNonFinite: whether weights may be NaN or infinite, as those of a training that
  ///     diverged are: everything that such a model says may be NaN.
  /// - Throws: `badData` for bytes that are no checkpoint of this library; `notFinite`, naming the
  ///   tensor, for weights that nothing can be computed with.
  public convenience init(
    checkpoint bytes: [UInt8], isBest: Bool? = nil, amongEpochs epochs: Int? = nil,
    isOrigin: Bool = false, threads: Int = ThreadPool.defaultThreads,
    allowsNonFinite: Bool = false
  ) throws {
    let checkpoint = try Checkpoint(bytes)
    if !allowsNonFinite { try checkpoint.requireFinite() }
    let hyperparameters = checkpoint.hyperparameters
    let network = try Network(
      spec: hyperparameters.modelSpec, dialect: hyperparameters.dialect, seed: 0)
    try network.load(checkpoint.tensors)
    let saysChosen = checkpoint.isChosen(isBest: nil)
    let isChosen =
      checkpoint.isChosen(isBest: isBest, amongEpochs: epochs) || isOrigin && saysChosen
    // Who opens its checkpoint again is to know as much.
    let bytes =
      isChosen == saysChosen
      ? bytes : try CheckpointContainer.setting(isChosen: isChosen, in: bytes)
    self.init(
      try Evaluator(
        network, of: hyperparameters, threads: threads, allowsNonFinite: allowsNonFinite),
      epoch: checkpoint.epoch, step: checkpoint.step, source: .checkpoint(bytes),
      isChosen: isChosen)
  }

  /// The network that a trainer had. Weights of a training that diverged are taken as they are:
  /// everything that the model says may be NaN.
  ///
  /// - Parameter threads: threads that compute, from 1 to 1024.
  /// - Throws: `invalidArgument`, `outOfMemory`.
  public convenience init(
    _ snapshot: TrainerSnapshot, threads: Int = ThreadPool.defaultThreads
  ) throws {
    self.init(
      try Evaluator(
        snapshot.network, of: snapshot.hyperparameters, threads: threads, allowsNonFinite: true),
      epoch: snapshot.epoch, step: snapshot.step, source: .trainer(snapshot),
      isChosen: snapshot.isChosen)
  }

  /// Opens what this library exported: a checkpoint, or weights.
  ///
  /// - Throws: as `init(checkpoint:)`.
  public convenience init(
    bytes: [UInt8], threads: Int = ThreadPool.defaultThreads
  ) throws {
    if let weights = try StoredWeights(bytes) {
      try self.init(weights, threads: threads)
    } else {
      try self.init(checkpoint: bytes, threads: threads)
    }
  }

  /// Opens an exported checkpoint, or weights that this library exported.
  ///
  /// - Throws: `notFound`, `io`; `badData` if it is neither; `notFinite`.
  public convenience init(file path: String, threads: Int = ThreadPool.defaultThreads) throws {
    do {
      try self.init(bytes: CheckpointContainer.read(path), threads: threads)
    } catch let error as CifarError {
      throw error.of(file: path)
    }
  }

  /// Opens a checkpoint of a run.
  ///
  /// - Parameter run: the run's UUID, the start of it, or its name.
  public convenience init(
    registryPath: String, run: String, checkpoint choice: CheckpointChoice = .best,
    threads: Int = ThreadPool.defaultThreads
  ) throws {
    let registry = try Registry(path: registryPath, mode: .readOnly)
    let row = try registry.checkpoint(choice, of: run)
    let epochs = try registry.epochs(of: row.run)
    // An imported checkpoint's own epoch has no row.
    let count = epochs.count + (epochs.contains { $0.epoch == row.epoch } ? 0 : 1)
    try self.init(
      checkpoint: try registry.checkpointData(row.id), isBest: row.isBest && choice != .last,
      amongEpochs: count, isOrigin: registry.isOrigin(checkpoint: row.id), threads: threads)
  }

  public var classNames: [String] { evaluator.classNames }
  /// What it was trained with.
  public var hyperparameters: Hyperparameters { evaluator.hyperparameters }
  /// Of the images that it takes.
  public var shape: ImageShape { evaluator.shape }
  /// Numbers that were trained.
  public var parameterCount: Int { evaluator.network.parameterCount }

  /// What its answers are computed in: float32 until `setPrecision`, whatever it was trained with; int8
  /// if it is quantized.
  public var precision: Precision { lock.withLock { evaluator.precision } }

  /// What all answers from now on are computed in. With `mixedBFloat16` the probabilities differ by
  /// some 1e-3, and come sooner. Of a quantized model, float32 shows what its integers stand for. An
  /// image's answer does not depend on its batch in any of them.
  ///
  /// - Throws: `unsupported` for `int8` of a model that is not quantized, or `mixedBFloat16` of one that
  ///   is; `outOfMemory`. Then nothing has changed.
  public func setPrecision(_ precision: Precision) throws {
    try lock.withLock { try evaluator.setPrecision(precision) }
  }

  /// See `quantized(calibration:)`.
  ///
  /// - Parameter images: (count, channels, height, width), normalised.
  func quantized(_ images: UnsafePointer<Float>, count: Int) throws -> Model {
    Model(
      try lock.withLock { try evaluator.quantized(images, count: count) }, epoch: epoch,
      step: step, source: .weights, isChosen: isChosen)
  }

  /// Loss, accuracy and more on a data set.
  ///
  /// - Parameter flips: whether each image is evaluated together with its mirror image, and the
  ///   probabilities of both are averaged: better by some tenths of a per cent, for twice the time.
  /// - Throws: `shapeMismatch` if the data set has other classes than the model, or the same in
  ///   another order; `notFinite` for weights so large that the numbers overflow. A data set whose
  ///   classes are called "0", "1", … goes with every model.
  public func evaluate(_ dataset: Dataset, flips: Bool = false) throws -> Evaluation {
    try lock.withLock { try evaluator.evaluate(dataset, flips: flips).evaluation() }
  }

  /// The same with test-time augmentation: to be given beside what the model gives by itself.
  public func evaluate(
    _ dataset: Dataset, augmentation: TestTimeAugmentation
  ) throws -> Evaluation {
    try lock.withLock {
      try evaluator.evaluate(dataset, augmentation: augmentation).evaluation()
    }
  }

  /// The probability of each class for each image.
  ///
  /// - Parameters:
  ///   - images: (count, channels, height, width) bytes, of the model's `shape`.
  ///   - probabilities: (count, classes), overwritten.
  /// - Throws: `outOfMemory`; `notFinite` for weights so large that the numbers overflow, unless the
  ///   model may say so.
  public func predict(
    images: UnsafePointer<UInt8>, count: Int, probabilities: UnsafeMutablePointer<Float>
  ) throws {
    let size = shape.count
    let classes = evaluator.network.spec.classes
    let numbers = try AlignedBuffer<Float>(count: min(count, Evaluator.batchSize) * size)
    let pipeline = ImageNormalizer(shape, hyperparameters.normalization)
    var first = 0
    while first < count {
      let some = min(Evaluator.batchSize, count - first)
      for image in 0..<some {
        pipeline.run(images + (first + image) * size, to: numbers.pointer + image * size)
      }
      let results = probabilities + first * classes
      lock.withLock {
        evaluator.predict(images: numbers.pointer, count: some, probabilities: results)
      }
      try evaluator.requireFinite(results, count: some * classes)
      first += some
    }
  }
}
