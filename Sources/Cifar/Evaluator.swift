import CifarCore
import CifarData
import CifarNN
import CifarTraining

/// A network that answers: what it makes of images, and how good it is on a data set.
///
/// Belongs to one thread at a time: it has one set of buffers.
final class Evaluator {
  let network: Network
  /// What the network was trained with.
  let hyperparameters: Hyperparameters
  let classNames: [String]
  /// Of the images that it takes.
  let shape: ImageShape
  private var plan: Plan
  private let pool: ThreadPool
  private(set) var precision: Precision
  private let allowsNonFinite: Bool

  /// The most images in a batch.
  static let batchSize = 256

  /// - Parameters:
  ///   - network: used as it is; its weights may change between two calls.
  ///   - threads: threads that compute, from 1 to 1024.
  ///   - allowsNonFinite: whether answers may be NaN or infinite.
  /// - Throws: `invalidArgument`, `outOfMemory`.
  init(
    _ network: Network, of hyperparameters: Hyperparameters, threads: Int,
    allowsNonFinite: Bool = false
  ) throws {
    guard (1...1024).contains(threads) else {
      throw CifarError(.invalidArgument, "threads \(threads) is not in 1 to 1024")
    }
    self.network = network
    self.hyperparameters = hyperparameters
    self.allowsNonFinite = allowsNonFinite
    shape = try hyperparameters.shape
    classNames =
      hyperparameters.data?.classNames ?? hyperparameters.weights?.classNames
      ?? (0..<hyperparameters.modelSpec.classes).map(String.init)
    // In float32 and with folded normalizations, whatever it was trained with: the plan of a trainer
    // has neither. Another precision has to be asked for, but for what a quantized model is made for.
    precision = network.spec.isQuantized ? .int8 : .float32
    pool = ThreadPool(threads: threads)
    plan = try Evaluator.plan(network, hyperparameters, pool, precision)
  }

  private static func plan(
    _ network: Network, _ hyperparameters: Hyperparameters, _ pool: ThreadPool,
    _ precision: Precision
  ) throws -> Plan {
    let plan = try Plan(
      network: network, batchSize: batchSize, training: false, pool: pool, precision: precision)
    plan.loss = hyperparameters.loss.lossOptions(in: hyperparameters.dialect)
    return plan
  }

  /// What it computes in from now on. Where that can't be, nothing changes.
  ///
  /// - Throws: `unsupported` for a precision that the model does not have; `outOfMemory`.
  func setPrecision(_ new: Precision) throws {
    if new == precision { return }
    plan = try Evaluator.plan(network, hyperparameters, pool, new)
    precision = new
  }

  /// The same network, quantized.
  ///
  /// - Parameter images: (count, channels, height, width), normalised.
  /// - Throws: see `Quantizer`.
  func quantized(_ images: UnsafePointer<Float>, count: Int) throws -> Evaluator {
    // The tensors of both, the histograms, and the new network.
    try MemoryNeed.check(4 * network.stateBytes + (1 << 20), for: "the quantized weights")
    let result = try Quantizer.quantize(network, images: images, count: count, pool: pool)
    let new = try Network(spec: result.spec, dialect: network.dialect, seed: 0)
    try new.load(result.tensors)
    return try Evaluator(
      new, of: hyperparameters.quantized(result.spec), threads: pool.threads,
      allowsNonFinite: false)
  }

  /// Compares its answers with the labels of a data set.
  ///
  /// - Parameters:
  ///   - flips: see `Evaluation.flips`.
  ///   - examples: whether single images are kept.
  ///   - beforeBatch: what it throws ends the evaluation.
  /// - Throws: see `Model.evaluate`.
  func evaluate(
    _ dataset: Dataset, flips: Bool = false, examples: Bool = false,
    beforeBatch: () throws -> Void = {}
  ) throws -> EvaluationCounts {
    let classes = network.spec.classes
    let names = try agreedNames(with: dataset)
    let loader = try BatchLoader(
      dataset: dataset, batchSize: Evaluator.batchSize,
      normalization: hyperparameters.normalization, augmentations: [], seed: 0, shuffle: false,
      workers: BatchLoader.workers(threads: pool.threads))
    loader.start(epoch: 1)
    var counts = try EvaluationCounts(
      classNames: names, shape: shape, flips: flips,
      examples: examples ? EvaluationExamples(of: dataset) : nil)
    let size = Evaluator.batchSize
    let probabilities = try AlignedBuffer<Float>(count: size * classes)
    let mirrored = try AlignedBuffer<Float>(count: flips ? size * shape.count : 0)
    let others = try AlignedBuffer<Float>(count: flips ? size * classes : 0)
    let logarithms = try AlignedBuffer<Double>(count: flips ? 2 * size : 0)
    while let batch = loader.next() {
      try MemoryNeed.checkReserve()
      try beforeBatch()
      let result = plan.evaluate(images: batch.images, labels: batch.labels, count: batch.count)
      plan.lastProbabilities(count: batch.count, to: probabilities.pointer)
      try requireFinite(probabilities.pointer, count: batch.count * classes)
      guard flips else {
        counts.add(
          probabilities.pointer, labels: batch.labels, count: batch.count,
          lossSum: result.lossSum, correct: result.correct)
        continue
      }
      plan.lastLogProbabilities(of: batch.labels, count: batch.count, to: logarithms.pointer)
      mirror(batch.images, count: batch.count, to: mirrored.pointer)
      plan.predict(images: mirrored.pointer, count: batch.count, probabilities: others.pointer)
      try requireFinite(others.pointer, count: batch.count * classes)
      plan.lastLogProbabilities(
        of: batch.labels, count: batch.count, to: logarithms.pointer + batch.count)
      for i in 0..<(batch.count * classes) {
        probabilities[i] = (probabilities[i] + others[i]) / 2
      }
      counts.add(
        averaged: probabilities.pointer, logarithms: logarithms.pointer, labels: batch.labels,
        count: batch.count)
    }
    return counts
  }

  /// The same with several views of each image: see `TestTimeAugmentation`.
  ///
  /// - Parameter peers: processes that call this at the same time, and share each batch; all get the
  ///   counts. nil for this one alone, which gets the same.
  func evaluate(
    _ dataset: Dataset, augmentation: TestTimeAugmentation, among peers: Peers? = nil,
    beforeBatch: () throws -> Void = {}
  ) throws -> EvaluationCounts {
    let names = try agreedNames(with: dataset)
    let loader = try BatchLoader(
      dataset: dataset, batchSize: Evaluator.batchSize,
      normalization: hyperparameters.normalization, augmentations: [], seed: 0, shuffle: false,
      part: peers.map { peers in { peers.images(ofBatch: $0) } },
      workers: BatchLoader.workers(threads: pool.threads))
    loader.start(epoch: 1)
    var counts = try EvaluationCounts(
      classNames: names, shape: shape, flips: false, examples: nil)
    let views = try AugmentedEvaluation(augmentation, plan: plan, shape: shape)
    let probabilities = try AlignedBuffer<Float>(count: Evaluator.batchSize * views.classes)
    while let batch = loader.next() {
      try MemoryNeed.checkReserve()
      try beforeBatch()
      let labels = UnsafePointer(dataset.labels.pointer + batch.index * Evaluator.batchSize)
      let result = try views.evaluate(
        images: batch.images, labels: labels, count: batch.count, total: batch.total,
        among: peers, probabilities: probabilities.pointer)
      try requireFinite(probabilities.pointer, count: batch.total * views.classes)
      counts.add(
        probabilities.pointer, labels: labels, count: batch.total, lossSum: result.lossSum,
        correct: result.correct)
    }
    return counts
  }

  /// Makes sure that the data set goes with the model.
  ///
  /// - Returns: what its classes are called.
  private func agreedNames(with dataset: Dataset) throws -> [String] {
    let classes = network.spec.classes
    guard dataset.classNames.count == classes else {
      throw CifarError(
        .shapeMismatch,
        "the model knows \(classes) classes, the data set has \(dataset.classNames.count)")
    }
    guard dataset.shape == shape else {
      throw CifarError(
        .shapeMismatch, "the model takes images of \(shape), the data set has \(dataset.shape)")
    }
    return try ClassNames.agreed(
      classNames, of: "the model", dataset.classNames, of: "the data set")
  }

  /// Exchanges left and right of (count, channels, height, width) numbers.
  private func mirror(
    _ images: UnsafePointer<Float>, count: Int, to target: UnsafeMutablePointer<Float>
  ) {
    let width = shape.width
    for row in 0..<(count * shape.channels * shape.height) {
      for x in 0..<width { target[row * width + x] = images[row * width + width - 1 - x] }
    }
  }

  /// The probability of each class for at most `batchSize` images.
  ///
  /// - Parameters:
  ///   - images: (count, channels, height, width), normalised.
  ///   - probabilities: (count, classes), overwritten; check them with `requireFinite`.
  func predict(
    images: UnsafePointer<Float>, count: Int, probabilities: UnsafeMutablePointer<Float>
  ) {
    plan.predict(images: images, count: count, probabilities: probabilities)
  }

  /// - Throws: `notFinite`, unless answers may be NaN or infinite.
  func requireFinite(_ probabilities: UnsafePointer<Float>, count: Int) throws {
    guard !allowsNonFinite else { return }
    for i in 0..<count where !probabilities[i].isFinite {
      throw CifarError(
        .notFinite,
        "the model's probabilities are not finite: its weights are so large that the numbers "
          + "overflow; use a checkpoint from before the training diverged")
    }
  }
}
