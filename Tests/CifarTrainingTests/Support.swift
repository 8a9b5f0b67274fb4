import CifarCore
import CifarData
import CifarNN
import Synchronization
import TestSupport
import Testing

@testable import CifarTraining

/// Images for all tests, drawn and hashed once.
enum Images {
  private static let train = Result { try Dataset.open("shapes", split: .train, limit: 2000) }
  private static let test = Result { try Dataset.open("shapes", split: .test, limit: 500) }
  private static let prefixes = Mutex<[String: Dataset]>([:])

  static func train(_ count: Int) throws -> Dataset { try prefix(train.get(), count) }
  static func test(_ count: Int) throws -> Dataset { try prefix(test.get(), count) }

  private static func prefix(_ dataset: Dataset, _ count: Int) throws -> Dataset {
    try prefixes.withLock { known in
      let name = "\(dataset.split) \(count)"
      if let dataset = known[name] { return dataset }
      let some = try dataset.prefix(count)
      known[name] = some
      return some
    }
  }
}

extension Trainer {
  func blob() throws -> Blob { Blob(try checkpoint()) }
}

extension Dataset {
  /// The first images, from memory.
  func prefix(_ count: Int, from start: Int = 0) throws -> Dataset {
    try Dataset(
      images: UnsafeBufferPointer(
        start: images.pointer + start * ImageShape.cifar.count,
        count: count * ImageShape.cifar.count),
      labels: UnsafeBufferPointer(start: labels.pointer + start, count: count),
      classNames: classNames, split: split)
  }
}

extension ModelSpec {
  /// Every kind of layer, and little of it.
  static let small = ModelSpec(layers: [
    .conv2d(filters: 8), .batchNorm(), .relu, .maxPool(), .dropout(rate: 0.2),
    .conv2d(filters: 16), .batchNorm(), .relu, .maxPool(), .flatten, .dense(units: 32), .relu,
    .dropout(rate: 0.5), .dense(units: 10),
  ])
}

extension Hyperparameters {
  /// A recipe with a model that is quick to train.
  static func quick(
    _ recipe: String = "pytorch", epochs: Int = 3, batchSize: Int = 32, model: ModelSpec = .small
  ) throws -> Hyperparameters {
    var hyperparameters = try Recipe.named(recipe)
    hyperparameters.modelSpec = model
    hyperparameters.epochs = epochs
    hyperparameters.batchSize = batchSize
    hyperparameters.seed = 3
    return hyperparameters
  }
}

/// Notes down what it is told, and stops training where it is asked to.
final class Follower: TrainerObserver {
  var batches: [BatchProgress] = []
  var reports: [EpochReport] = []
  /// The checkpoint at the end of each epoch.
  var checkpoints: [Blob] = []
  var validations = 0
  var remarks: [String] = []
  var stopsAfter: (epoch: Int, batch: Int)?
  var onBatch: (() throws -> Void)?
  var onValidation: (() -> Void)?
  weak var trainer: Trainer?

  init(_ trainer: Trainer? = nil, stopsAfter: (epoch: Int, batch: Int)? = nil) {
    self.trainer = trainer
    self.stopsAfter = stopsAfter
  }

  func observe(_ event: TrainingEvent) throws -> TrainerAnswer {
    switch event {
    case .batchEnd(let progress):
      batches.append(progress)
      try onBatch?()
      if let stopsAfter, (progress.epoch, progress.batch) == stopsAfter { return .stop }
    case .validationBegin:
      validations += 1
      onValidation?()
    case .epochEnd(let report):
      reports.append(report)
      if let trainer { checkpoints.append(Blob(try trainer.checkpoint())) }
    case .remark(let remark): remarks.append(remark)
    default: break
    }
    return .proceed
  }
}

/// A trainer and what became of it.
struct Training {
  let trainer: Trainer
  let follower: Follower
  let end: TrainingEnd

  init(trainer: Trainer, follower: Follower, end: TrainingEnd) {
    (self.trainer, self.follower, self.end) = (trainer, follower, end)
  }

  @discardableResult
  init(_ trainer: Trainer, stopsAfter: (epoch: Int, batch: Int)? = nil) throws {
    self.trainer = trainer
    follower = Follower(trainer, stopsAfter: stopsAfter)
    end = try trainer.run([follower])
  }

  init(
    _ hyperparameters: Hyperparameters, train: Int = 100, test: Int = 40, threads: Int = 1,
    stopsAfter: (epoch: Int, batch: Int)? = nil
  ) throws {
    try self.init(
      Trainer(
        hyperparameters: hyperparameters, train: try Images.train(train),
        validation: try Images.test(test), threads: threads), stopsAfter: stopsAfter)
  }
}

/// Continues from a checkpoint.
func resumed(
  _ checkpoint: Blob, train: Int = 100, test: Int = 40, epochs: Double? = nil, threads: Int = 1
) throws -> Trainer {
  try Trainer(
    resuming: try Checkpoint(checkpoint.bytes), epochs: epochs, train: try Images.train(train),
    validation: try Images.test(test), threads: threads)
}

/// What a checkpoint says apart from the time that things took.
struct Essence: Equatable, CustomTestStringConvertible {
  var hyperparameters: Hyperparameters
  /// As text, in which NaN is equal to itself.
  var state: String
  var place: String
  var names: [String]
  var bits: [[UInt32]]

  var testDescription: String { place }

  init(_ bytes: [UInt8]) throws {
    let checkpoint = try Checkpoint(bytes)
    hyperparameters = checkpoint.hyperparameters
    var state = checkpoint.state
    state.trainSeconds = 0
    state.epochSeconds = 0
    state.epochCPUSeconds = nil
    self.state = try StateCoding.encode(state)
    place = "epoch \(state.epoch), batch \(state.batch)"
    names = checkpoint.tensors.map(\.name)
    bits = checkpoint.tensors.map { $0.values.map(\.bitPattern) }
  }
}
