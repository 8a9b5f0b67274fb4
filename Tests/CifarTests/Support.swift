import CifarCore
import CifarData
import CifarNN
import CifarRegistry
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Cifar
@testable import CifarTraining

/// Images for all tests, drawn once.
enum Images {
  private static let both = Result {
    (
      train: try Dataset.open("shapes", split: .train, limit: 100),
      test: try Dataset.open("shapes", split: .test, limit: 40)
    )
  }

  static func train() throws -> Dataset { try both.get().train }
  static func test() throws -> Dataset { try both.get().test }
}

extension Dataset {
  /// The first images, from memory.
  func prefix(_ count: Int) throws -> Dataset {
    try Dataset(
      images: UnsafeBufferPointer(start: images.pointer, count: count * ImageShape.cifar.count),
      labels: UnsafeBufferPointer(start: labels.pointer, count: count),
      classNames: classNames, split: split)
  }
}

extension Hyperparameters {
  /// The PyTorch recipe with every kind of layer, and little of it: four batches an epoch.
  static func quick(epochs: Int = 3) throws -> Hyperparameters {
    var hyperparameters = try Recipe.named("pytorch")
    hyperparameters.modelSpec = ModelSpec(layers: [
      .conv2d(filters: 8), .batchNorm(), .relu, .maxPool(), .dropout(rate: 0.2),
      .conv2d(filters: 16), .batchNorm(), .relu, .maxPool(), .flatten, .dense(units: 32), .relu,
      .dropout(rate: 0.5), .dense(units: 10),
    ])
    hyperparameters.epochs = epochs
    hyperparameters.batchSize = 32
    hyperparameters.seed = 5
    return hyperparameters
  }
}

/// A registry's place and what is trained into it.
struct Sample {
  let directory: TemporaryDirectory
  var path: String { directory.file("runs.db") }

  init() throws { directory = try TemporaryDirectory() }

  func options(keepLast: Int = 2, name: String? = nil, threads: Int = 1) -> TrainingSession.Options
  {
    TrainingSession.Options(
      registryPath: path, name: name, threads: threads, keepLast: keepLast,
      commandLine: "cifar train")
  }

  func start(
    _ hyperparameters: Hyperparameters? = nil, keepLast: Int = 2, name: String? = nil
  ) throws -> TrainingSession {
    try TrainingSession.start(
      train: try Images.train(), validation: try Images.test(),
      hyperparameters: try hyperparameters ?? .quick(),
      options: options(keepLast: keepLast, name: name))
  }

  func resume(
    _ run: String, _ choice: CheckpointChoice = .last, epochs: Double? = nil, threads: Int = 1
  ) throws -> TrainingSession {
    try TrainingSession.resume(
      run: run, checkpoint: choice, epochs: epochs, train: try Images.train(),
      validation: try Images.test(), options: options(threads: threads))
  }

  func registry() throws -> Registry { try Registry(path: path, mode: .readWrite(create: false)) }

  func run(_ id: String?) throws -> RunDetail { try registry().run(matching: id ?? "none") }

  /// The checkpoint's bytes.
  func bytes(_ choice: CheckpointChoice, of run: String?) throws -> Blob {
    let registry = try registry()
    return Blob(try registry.checkpointData(registry.checkpoint(choice, of: run ?? "none").id))
  }

  /// A run that nothing disturbed, and its last checkpoint.
  static func undisturbed(epochs: Int = 3) throws -> (run: RunDetail, last: Blob) {
    try known.withLock { known in
      if let result = known[epochs] { return result }
      let sample = try Sample()
      let session = try sample.start(.quick(epochs: epochs), keepLast: 0)
      _ = try session.run([Follower()])
      let result = (
        run: try sample.run(session.runID), last: try sample.bytes(.last, of: session.runID)
      )
      known[epochs] = result
      return result
    }
  }

  private static let known = Mutex<[Int: (run: RunDetail, last: Blob)]>([:])
}

/// Does what a test asks for at a batch, a validation or an epoch.
final class Follower: RunObserver {
  var reports: [EpochReport] = []
  /// Epochs that are in the registry, as it was told.
  var stored: [Int] = []
  var onBatch: ((BatchProgress) throws -> TrainerAnswer)?
  var onValidation: (() -> Void)?
  var onEpoch: ((EpochReport) throws -> TrainerAnswer)?
  /// When training is over, and what it came to is still to be measured.
  var onEnd: (() -> Void)?
  var onDelay: ((StorageDelay) throws -> TrainerAnswer)?

  func observe(_ event: TrainingEvent) throws -> TrainerAnswer {
    switch event {
    case .batchEnd(let progress): return try onBatch?(progress) ?? .proceed
    case .validationBegin: onValidation?()
    case .trainEnd: onEnd?()
    case .epochEnd(let report):
      reports.append(report)
      return try onEpoch?(report) ?? .proceed
    default: break
    }
    return .proceed
  }

  func epochStored(_ report: EpochReport) { stored.append(report.metrics.epoch) }

  func storageDelayed(_ delay: StorageDelay) throws -> TrainerAnswer {
    try onDelay?(delay) ?? .proceed
  }
}

extension EpochMetrics {
  /// All but the time it took.
  var essence: [Double?] {
    [Double(epoch), trainLoss, trainAccuracy, valLoss, valAccuracy, learningRate]
  }
}
