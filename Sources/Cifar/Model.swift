import CheckpointFormat
import CifarCore
import CifarData
import CifarNN
import CifarRegistry
import CifarTraining
import Glibc

/// A trained model to use: weights, and all that is needed to feed it images.
///
/// The weights are those of the checkpoint's moment. A model may be used from any thread; its calls
/// take turns.
public final class Model: @unchecked Sendable {
  public let classNames: [String]
  /// What it was trained with.
  public let hyperparameters: Hyperparameters
  /// Completed epochs.
  public let epoch: Int

  private let network: Network
  /// Used under the lock: it has one set of buffers.
  private let plan: Plan
  private let lock = ConditionLock()
  private let bytes: [UInt8]
  private let allowsNonFinite: Bool

  /// Images in a batch when many are to be looked at.
  private static let batchSize = 256

  /// - Parameters:
  ///   - bytes: a checkpoint, as it lies in the registry or in an exported file.
  ///   - threads: threads that compute, from 1 to 1024.
  ///   - allowsNonFinite: whether weights may be NaN or infinite, as those of a training that
  ///     diverged are: everything that such a model says may be NaN.
  /// - Throws: `badData` for bytes that are no checkpoint of this library; `notFinite`, naming the
  ///   tensor, for weights that nothing can be computed with.
  public init(
    checkpoint bytes: [UInt8], threads: Int = ThreadPool.defaultThreads,
    allowsNonFinite: Bool = false
  ) throws {
    guard (1...1024).contains(threads) else {
      throw CifarError(.invalidArgument, "threads \(threads) is not in 1 to 1024")
    }
    let checkpoint = try Checkpoint(bytes)
    if !allowsNonFinite { try checkpoint.requireFinite() }
    hyperparameters = checkpoint.hyperparameters
    epoch = checkpoint.epoch
    classNames =
      hyperparameters.data?.classNames
      ?? (0..<hyperparameters.modelSpec.classes).map(String.init)
    network = try Network(
      spec: hyperparameters.modelSpec, dialect: hyperparameters.dialect, seed: 0)
    try network.load(checkpoint.tensors)
    plan = try Plan(
      network: network, batchSize: Model.batchSize, training: false,
      pool: ThreadPool(threads: threads))
    plan.loss = hyperparameters.loss.lossOptions
    self.bytes = bytes
    self.allowsNonFinite = allowsNonFinite
  }

  /// Opens an exported checkpoint.
  ///
  /// - Throws: `notFound`, `io`; `badData` if it is no checkpoint of this library; `notFinite`.
  public convenience init(file path: String, threads: Int = ThreadPool.defaultThreads) throws {
    do {
      let bytes = try CheckpointContainer.read(path)
      try self.init(checkpoint: bytes, threads: threads)
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
    try self.init(checkpoint: try registry.checkpointData(row.id), threads: threads)
  }

  /// Numbers that were trained.
  public var parameterCount: Int { network.parameterCount }
  /// The checkpoint that the model was made from, a safetensors file.
  public var checkpointBytes: [UInt8] { bytes }

  /// Writes the checkpoint to a file, whole or not at all (see `FileWriter`).
  ///
  /// - Throws: `invalidArgument` for a directory, a registry, or an existing file that is no
  ///   checkpoint; `diskFull`, `io`.
  public func save(to path: String) throws {
    try FileWriter.write(bytes, to: path, as: .checkpoint)
  }

  /// Loss, accuracy and more on a data set.
  ///
  /// - Parameter flips: whether each image is looked at together with its mirror image, and the
  ///   probabilities of both are averaged: better by some tenths of a per cent, for twice the time.
  /// - Throws: `shapeMismatch` if the data set has other classes than the model, or the same in
  ///   another order; `notFinite` for weights so large that the numbers overflow. A data set whose
  ///   classes are called "0", "1", … goes with every model.
  public func evaluate(_ dataset: Dataset, flips: Bool = false) throws -> Evaluation {
    try lock.withLock { try evaluateAlone(dataset, flips) }
  }

  private func evaluateAlone(_ dataset: Dataset, _ flips: Bool) throws -> Evaluation {
    let classes = network.spec.classes
    guard dataset.classNames.count == classes else {
      throw CifarError(
        .shapeMismatch,
        "the model knows \(classes) classes, the data set has \(dataset.classNames.count)")
    }
    let names = try ClassNames.agreed(
      classNames, of: "the model", dataset.classNames, of: "the data set")
    let loader = try BatchLoader(
      dataset: dataset, batchSize: Model.batchSize,
      normalization: hyperparameters.normalization, augmentations: [], seed: 0, shuffle: false)
    loader.start(epoch: 1)
    var sums = try EvaluationSums(classes: classes)
    let probabilities = try AlignedBuffer<Float>(count: Model.batchSize * classes)
    let mirrored = try AlignedBuffer<Float>(count: flips ? Model.batchSize * Dataset.imageBytes : 0)
    let others = try AlignedBuffer<Float>(count: flips ? Model.batchSize * classes : 0)
    let logarithms = try AlignedBuffer<Double>(count: flips ? 2 * Model.batchSize : 0)
    while let batch = loader.next() {
      try MemoryNeed.checkReserve()
      let result = plan.evaluate(images: batch.images, labels: batch.labels, count: batch.count)
      plan.lastProbabilities(count: batch.count, to: probabilities.pointer)
      try requireFinite(probabilities.pointer, count: batch.count * classes)
      guard flips else {
        sums.add(
          probabilities.pointer, labels: batch.labels, count: batch.count,
          lossSum: result.lossSum, correct: result.correct)
        continue
      }
      plan.lastLogProbabilities(of: batch.labels, count: batch.count, to: logarithms.pointer)
      Model.mirror(batch.images, count: batch.count, to: mirrored.pointer)
      plan.predict(images: mirrored.pointer, count: batch.count, probabilities: others.pointer)
      try requireFinite(others.pointer, count: batch.count * classes)
      plan.lastLogProbabilities(
        of: batch.labels, count: batch.count, to: logarithms.pointer + batch.count)
      for i in 0..<(batch.count * classes) {
        probabilities[i] = (probabilities[i] + others[i]) / 2
      }
      sums.add(
        averaged: probabilities.pointer, logarithms: logarithms.pointer, labels: batch.labels,
        count: batch.count)
    }
    return try sums.evaluation(classNames: names, flips: flips)
  }

  /// Exchanges left and right of (count, 3, 32, 32) numbers.
  private static func mirror(
    _ images: UnsafePointer<Float>, count: Int, to target: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<(count * 3 * 32) {
      for x in 0..<32 { target[row * 32 + x] = images[row * 32 + 31 - x] }
    }
  }

  /// The probability of each class for each image.
  ///
  /// - Parameters:
  ///   - images: (count, 3, 32, 32) bytes.
  ///   - probabilities: (count, classes), overwritten.
  /// - Throws: `outOfMemory`; `notFinite` for weights so large that the numbers overflow, unless the
  ///   model was opened with `allowsNonFinite`.
  public func predict(
    images: UnsafePointer<UInt8>, count: Int, probabilities: UnsafeMutablePointer<Float>
  ) throws {
    let size = Dataset.imageBytes
    let numbers = try AlignedBuffer<Float>(count: min(count, Model.batchSize) * size)
    let pipeline = ImageNormalizer(hyperparameters.normalization)
    var first = 0
    while first < count {
      let some = min(Model.batchSize, count - first)
      for image in 0..<some {
        pipeline.run(images + (first + image) * size, to: numbers.pointer + image * size)
      }
      let results = probabilities + first * network.spec.classes
      lock.withLock {
        plan.predict(images: numbers.pointer, count: some, probabilities: results)
      }
      try requireFinite(results, count: some * network.spec.classes)
      first += some
    }
  }

  private func requireFinite(_ probabilities: UnsafePointer<Float>, count: Int) throws {
    guard !allowsNonFinite else { return }
    for i in 0..<count where !probabilities[i].isFinite {
      throw CifarError(
        .notFinite,
        "the model's probabilities are not finite: its weights are so large that the numbers "
          + "overflow; use a checkpoint from before the training diverged")
    }
  }
}
