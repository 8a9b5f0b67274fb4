import CifarCore
import CifarData
import CifarNN
import CifarRegistry
import CifarTraining
import TestSupport
import Testing

@testable import Cifar

/// Validation on a part of the training images, and test images that are looked at once.
@Suite struct ValidationSplitTests {
  private static let (trainCount, testCount) = (80, 30)

  private func images() throws -> (train: Dataset, test: Dataset) {
    (
      try Dataset.open("shapes", split: .train, limit: Self.trainCount),
      try Dataset.open("shapes", split: .test, limit: Self.testCount)
    )
  }

  private func hyperparameters(_ more: String = "{}") throws -> Hyperparameters {
    var hyperparameters = try Recipe.named("pytorch")
    try hyperparameters.apply(
      overrides: #"""
        {"epochs": 2, "batch_size": 16, "validation_split": 0.25, "augmentations": [],
         "model_spec": [{"type": "global_average_pool"}, {"type": "dense", "units": 10}]}
        """#)
    try hyperparameters.apply(overrides: more)
    return hyperparameters
  }

  private func start(
    _ hyperparameters: Hyperparameters, registry: String? = nil
  ) throws -> TrainingSession {
    let (train, test) = try images()
    return try TrainingSession.start(
      train: train, validation: test, hyperparameters: hyperparameters,
      options: TrainingSession.Options(registryPath: registry, threads: 2))
  }

  @Test func noClassIsLeftWithoutImagesToTrainOn() throws {
    let labels: [Int32] = [0, 0, 0, 0, 1]
    let images = [UInt8](repeating: 0, count: labels.count * ImageShape.cifar.count)
    let dataset = try images.withUnsafeBufferPointer { images in
      try labels.withUnsafeBufferPointer {
        try Dataset(images: images, labels: $0, classNames: ["cat", "dog"], split: .train)
      }
    }
    let error = failure { try dataset.stratifiedSplit(share: 0.5, seed: 1) }
    #expect(error?.code == .invalidArgument)
    #expect(
      error?.message.contains("0.5 leaves no image of the class 'dog' to train on, which has 1")
        == true)
    let (rest, taken) = try dataset.stratifiedSplit(share: 0.4, seed: 1)
    #expect((rest.count, taken.count) == (3, 2))
  }

  @Test func aShareOfEachClassGoes() throws {
    let (train, _) = try images()
    let (rest, taken) = try train.stratifiedSplit(share: 0.25, seed: 3)
    #expect(rest.count + taken.count == train.count)
    func number(_ dataset: Dataset, _ label: Int) -> Int {
      (0..<dataset.count).count { Int(dataset.labels[$0]) == label }
    }
    for label in 0..<10 {
      let all = number(train, label)
      #expect(number(taken, label) == Int((0.25 * Double(all)).rounded()))
      #expect(number(rest, label) == all - number(taken, label))
    }
    func bytes(_ dataset: Dataset) -> [[UInt8]] {
      (0..<dataset.count).map { image in
        Array(UnsafeBufferPointer(start: dataset.images.pointer + image * 3072, count: 3072))
      }
    }
    // None is in both, none is lost, and both are in their order.
    let (all, kept, away) = (bytes(train), bytes(rest), bytes(taken))
    var (next, other) = (kept[...], away[...])
    for image in all {
      if next.first == image {
        next.removeFirst()
      } else if other.first == image {
        other.removeFirst()
      }
    }
    #expect(next.isEmpty && other.isEmpty)
    #expect(try train.stratifiedSplit(share: 0.25, seed: 3).taken.contentHash == taken.contentHash)
    #expect(try train.stratifiedSplit(share: 0.25, seed: 4).taken.contentHash != taken.contentHash)
    for share in [0.001, 0.999] {
      let error = failure { try train.stratifiedSplit(share: share, seed: 1) }
      #expect(error?.message.contains("leaves none to") == true)
    }
  }

  /// Of classes with few images the rounding is most of a share.
  @Test func aShareThatRoundingChangesIsTold() throws {
    func dataset(of each: Int, classes: Int) throws -> Dataset {
      let labels = (0..<each * classes).map { Int32($0 % classes) }
      let images = [UInt8](repeating: 0, count: labels.count * ImageShape.cifar.count)
      return try images.withUnsafeBufferPointer { images in
        try labels.withUnsafeBufferPointer {
          try Dataset(
            images: images, labels: $0, classNames: (0..<classes).map { "\($0)" }, split: .train)
        }
      }
    }
    func remark(_ train: Dataset, _ share: Double?) throws -> String? {
      var hyperparameters = try hyperparameters()
      hyperparameters.validationSplit = share
      return try SessionImages(train: train, validation: train, split: hyperparameters)
        .roundingRemark(share: share)
    }
    let few = try dataset(of: 2, classes: 10)
    #expect(
      try remark(few, 0.3)
        == "validation_split 0.3 holds out 10 of 20 training images, 50 %: of each class it takes its "
        + "share, rounded to whole images")
    #expect(try remark(few, 0.5) == nil && remark(few, nil) == nil)
    let more = try dataset(of: 14, classes: 10)
    #expect(try remark(more, 0.1)?.contains("holds out 10 of 140") == true)
    #expect(try remark(more, 0.25) == nil)
    // Whoever starts such a training hears of it.
    let session = try TrainingSession.start(
      train: few, validation: few, hyperparameters: hyperparameters(#"{"validation_split": 0.3}"#),
      options: TrainingSession.Options(registryPath: nil, threads: 1))
    #expect(try session.remarks == [remark(few, 0.3)])
  }

  @Test func testImagesAreLookedAtOnce() throws {
    let session = try start(hyperparameters(#"{"tta": "mirror"}"#))
    let data = try #require(session.trainer.hyperparameters.data)
    let (train, test) = try images()
    #expect(data.trainCount + data.validationCount == Self.trainCount)
    #expect(data.testCount == Self.testCount && data.testHash == test.contentHash)
    #expect(data.validationHash != test.contentHash && data.trainHash != train.contentHash)
    _ = try session.run()
    let result = try #require(session.result)
    #expect(result.isOfTestImages && result.plain.count == Self.testCount)
    #expect(result.augmented?.count == Self.testCount)
    let expected = try Evaluator(
      session.trainer.network, of: session.trainer.hyperparameters, threads: 2
    ).evaluate(test).evaluation()
    #expect(result.plain == expected)
  }

  @Test func aRunKeepsTheResultAndResumesWithTheSameParts() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/runs.db"
    let whole = try start(hyperparameters(#"{"epochs": 3}"#))
    _ = try whole.run()
    let session = try start(hyperparameters(), registry: path)
    _ = try session.run()
    let id = try #require(session.runID)
    let resumed = try TrainingSession.resume(
      run: id, epochs: 3, options: TrainingSession.Options(registryPath: path, threads: 2))
    _ = try resumed.run()
    #expect(resumed.trainer.network.stateTensors() == whole.trainer.network.stateTensors())
    #expect(resumed.result?.plain == whole.result?.plain)
    let detail = try Registry(path: path, mode: .readOnly).run(matching: id)
    let metrics = Dictionary(
      detail.metrics.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    #expect(metrics["test_accuracy"] == whole.result?.plain.accuracy)
    #expect(metrics["test_loss"] == whole.result?.plain.loss)
  }

  @Test func aMeasurementThatWasInterruptedIsMadeUpFor() throws {
    let whole = try start(hyperparameters(#"{"tta": "mirror"}"#))
    _ = try whole.run()
    let directory = try TemporaryDirectory()
    let path = directory.path + "/runs.db"
    let session = try start(hyperparameters(#"{"tta": "mirror"}"#), registry: path)
    let follower = Follower()
    follower.onEnd = { [unowned session] in session.interrupt() }
    #expect(try session.run([follower]) == .interrupted)
    #expect(session.lacksResult && session.result == nil)
    let id = try #require(session.runID)
    func run() throws -> RunDetail { try Registry(path: path, mode: .readOnly).run(matching: id) }
    #expect(try run().summary.status == .interrupted && run().metrics.isEmpty)
    #expect(try run().sessions.last?.reason.hasPrefix("interrupted after the last epoch") == true)
    func resume() throws -> TrainingSession {
      try TrainingSession.resume(
        run: id, options: TrainingSession.Options(registryPath: path, threads: 2))
    }
    let resumed = try resume()
    #expect(try resumed.run() != .interrupted)
    #expect(resumed.result?.plain == whole.result?.plain && resumed.result?.earlierLooks == 0)
    let metrics = try run().metrics
    #expect(try run().summary.status == .completed && metrics.count == 3)
    // Nothing is left to train, and nothing to measure.
    let again = try resume()
    _ = try again.run()
    #expect(again.result == nil && again.earlierResult == metrics)
    #expect(try run().metrics == metrics)
  }

  /// What was measured of an epoch goes with it.
  @Test func anEpochThatIsTrainedAgainIsMeasuredAgain() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/runs.db"
    let session = try start(hyperparameters(#"{"epochs": 1.5}"#), registry: path)
    _ = try session.run()
    #expect(session.result?.epoch == 2)
    let id = try #require(session.runID)
    let resumed = try TrainingSession.resume(
      run: id, epochs: 2, options: TrainingSession.Options(registryPath: path, threads: 2))
    _ = try resumed.run()
    let result = try #require(resumed.result)
    #expect(result.epoch == 2 && result.earlierLooks == 1)
    let metrics = try Registry(path: path, mode: .readOnly).run(matching: id).metrics
    #expect(metrics.filter { $0.name == "test_accuracy" }.map(\.value) == [result.plain.accuracy])
  }

  @Test func theIntervalIsWilsons() {
    func evaluation(_ accuracy: Double, _ count: Int) -> Evaluation {
      Evaluation(
        loss: 0, accuracy: accuracy, topFiveAccuracy: 1, count: count, flips: false,
        classNames: [], confusion: [])
    }
    // Newcombe 1998, table I: 81 of 263, 15 of 148 and 0 of 20.
    for (hits, count, low, high) in [
      (81.0, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
    ] {
      let interval = evaluation(hits / Double(count), count).accuracyInterval
      #expect(abs(interval.lowerBound - low) < 5e-5)
      #expect(abs(interval.upperBound - high) < 5e-5)
    }
  }
}
