import CifarCore
import CifarData
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

@Suite struct TrainerTests {
  /// The record recipes' rates are those of their own networks and batches: see AirbenchGoldenTests.
  @Test(arguments: Recipe.names.filter { !$0.hasPrefix("airbench") })
  func lossesGoDown(recipe: String) throws {
    // Without dropout and augmentation so few images are soon known by heart.
    let model = ModelSpec(layers: [
      .conv2d(filters: 16), .batchNorm(momentum: 0.1), .relu, .maxPool(), .conv2d(filters: 32),
      .batchNorm(momentum: 0.1), .relu, .maxPool(), .flatten, .dense(units: 10),
    ])
    var hyperparameters = try Hyperparameters.quick(recipe, epochs: 8, model: model)
    hyperparameters.augmentations = []
    let training = try Training(hyperparameters, train: 200, test: 100)
    let metrics = training.follower.reports.map(\.metrics)
    #expect(training.end == .completed(reason: "all 8 epochs are done"))
    #expect(metrics.map(\.epoch) == Array(1...8))
    #expect(metrics[7].trainLoss < 0.5 * metrics[0].trainLoss, "\(metrics.map(\.trainLoss))")
    #expect(metrics[7].trainAccuracy > 0.7)
    #expect(metrics[7].valAccuracy > 0.15)
    for epoch in metrics {
      #expect((0...1).contains(epoch.trainAccuracy) && (0...1).contains(epoch.valAccuracy))
      #expect(epoch.seconds > 0 && epoch.imagesPerSecond > 0)
    }
  }

  /// What the built-in images promise: to know them takes more than a weight a pixel.
  @Test func aLinearClassifierCannotTellTheShapes() throws {
    var hyperparameters = try Hyperparameters.quick(
      epochs: 12, batchSize: 64, model: ModelSpec(layers: [.flatten, .dense(units: 10)]))
    hyperparameters.augmentations = []
    hyperparameters.callbacks = []
    let training = try Training(hyperparameters, train: 2000, test: 500, threads: 2)
    let metrics = training.follower.reports.map(\.metrics)
    let best = metrics.map(\.valAccuracy).max() ?? 1
    #expect(best < 0.45)
    // It did learn what it can.
    #expect(metrics[11].trainAccuracy > 0.3)
    #expect(best > 0.12)
  }

  /// The first loss of a training whose images are mixed is that of both labels.
  @Test(arguments: ["mixup", "cutmix"]) func mixedImagesHaveTwoLabels(kind: String) throws {
    var hyperparameters = try Hyperparameters.quick(epochs: 1)
    try hyperparameters.apply(overrides: #"{"augmentations":["\#(kind)"],"label_smoothing":0.1}"#)
    let training = try Training(hyperparameters, train: 64, test: 10)
    let first = try #require(training.follower.batches.first)
    let loader = try BatchLoader(
      dataset: try Images.train(64), batchSize: hyperparameters.batchSize,
      normalization: hyperparameters.normalization, augmentations: hyperparameters.augmentations,
      seed: hyperparameters.seed, shuffle: true)
    loader.start(epoch: 1)
    let batch = try #require(loader.next())
    #expect(batch.mixed != nil)
    let results = try [batch.mixed, nil].map { mixed in
      let network = try Network(
        spec: hyperparameters.modelSpec, dialect: hyperparameters.dialect,
        seed: hyperparameters.seed)
      let plan = try Plan(
        network: network, batchSize: hyperparameters.batchSize, training: true,
        pool: ThreadPool(threads: 1), precision: hyperparameters.precision)
      plan.loss = hyperparameters.loss.lossOptions(in: hyperparameters.dialect)
      return plan.trainStep(
        images: batch.images, labels: batch.labels, mixed: mixed, count: batch.count,
        seed: hyperparameters.seed, step: 0)
    }
    #expect(first.loss == results[0].lossSum / Double(batch.count))
    #expect(first.accuracy == Double(results[0].correct) / Double(batch.count))
    #expect(results[0] != results[1])
  }

  @Test func bothPartsHaveTheSameClassesInTheSameOrder() throws {
    let shapes = try Dataset.open("shapes", split: .train, limit: 40)
    func named(_ names: [String], _ split: Split) throws -> Dataset {
      try Dataset(
        images: UnsafeBufferPointer(start: shapes.images.pointer, count: shapes.images.count),
        labels: UnsafeBufferPointer(start: shapes.labels.pointer, count: shapes.labels.count),
        classNames: names, split: split)
    }
    let letters = "abcdefghij".map(String.init)
    let numbers = (0..<10).map(String.init)
    func trainer(_ train: [String], _ validation: [String]) throws -> Trainer {
      try Trainer(
        hyperparameters: .quick(), train: named(train, .train),
        validation: named(validation, .test), threads: 1)
    }
    for (train, validation) in [
      (letters, letters.reversed()), (letters, letters.dropLast() + ["k"]),
      (numbers, numbers.reversed()),
    ] {
      let error = failure { try trainer(train, Array(validation)) }
      #expect(error?.code == .shapeMismatch)
      let place = Array(validation)[0] == train[0] ? 9 : 0
      #expect(
        error?.message.hasPrefix("class \(place) is '\(train[place])' in the training images")
          == true)
    }
    // Whichever part has names gives the model its own.
    for (train, validation) in [(letters, letters), (numbers, letters), (letters, numbers)] {
      let record = try trainer(train, validation).hyperparameters.data
      #expect(record?.classNames == letters)
    }
    // A run that is resumed keeps its names, and refuses others.
    let checkpoint = try Checkpoint(trainer(letters, letters).checkpoint())
    func resumed(_ names: [String]) throws -> Trainer {
      try Trainer(
        resuming: checkpoint, epochs: nil, train: named(names, .train),
        validation: named(names, .test), threads: 1)
    }
    #expect(try resumed(numbers).hyperparameters.data?.classNames == letters)
    let error = failure { try resumed(letters.reversed()) }
    #expect(error?.message.hasPrefix("class 0 is 'a' in the run, but 'j' in the images") == true)
  }

  @Test func progressAddsUp() throws {
    let training = try Training(.quick(epochs: 2))
    let batches = training.follower.batches
    #expect(batches.map(\.batch) == [1, 2, 3, 4, 1, 2, 3, 4])
    #expect(batches.map(\.epoch) == [1, 1, 1, 1, 2, 2, 2, 2])
    #expect(batches.map(\.images) == [32, 64, 96, 100, 32, 64, 96, 100])
    #expect(batches.allSatisfy { $0.batches == 4 && $0.epochs == 2 && $0.learningRate == 1e-3 })
    #expect(training.follower.validations == 2)
    // The epoch's metrics are those that its last batch ended with.
    let metrics = training.follower.reports[1].metrics
    #expect(metrics.trainLoss == batches[7].loss)
    #expect(metrics.trainAccuracy == batches[7].accuracy)
    #expect(training.trainer.epoch == 2)
    #expect(training.trainer.batch == 0)
    #expect(training.trainer.step == 8)
    #expect(training.trainer.batchesPerEpoch == 4)
    #expect(training.trainer.trainCount == 100)
  }

  @Test func theBestEpochsAreMarked() throws {
    let training = try Training(.quick(epochs: 6))
    var best = Double.infinity
    for report in training.follower.reports {
      #expect(report.isBest == (report.metrics.valLoss < best))
      best = min(best, report.metrics.valLoss)
    }
    #expect(training.follower.reports[0].isBest)
  }

  @Test func theNumberOfThreadsChangesNoBit() throws {
    for (recipe, threads) in [("pytorch", 2), ("keras", 3)] {
      let model = try ModelSpec.preset("tutorial", dialect: Recipe.named(recipe).dialect)
      let hyperparameters = try Hyperparameters.quick(recipe, epochs: 1, model: model)
      let one = try Training(hyperparameters, train: 70, threads: 1).follower
      let more = try Training(hyperparameters, train: 70, threads: threads).follower
      #expect(one.checkpoints == more.checkpoints, "\(recipe), \(threads) threads")
      #expect(one.batches.map(\.loss) == more.batches.map(\.loss))
      #expect(one.reports.map(\.metrics.valLoss) == more.reports.map(\.metrics.valLoss))
    }
  }

  @Test func theSeedDecidesEverything() throws {
    var hyperparameters = try Hyperparameters.quick(epochs: 1)
    let one = try Training(hyperparameters).follower.checkpoints
    #expect(try Training(hyperparameters).follower.checkpoints == one)
    hyperparameters.seed = 4
    #expect(try Training(hyperparameters).follower.checkpoints != one)
  }

  @Test func aLossThatIsNoNumberEndsTraining() throws {
    var hyperparameters = try Hyperparameters.quick()
    hyperparameters.optimizer.learningRate = 1e30
    let trainer = try Trainer(
      hyperparameters: hyperparameters, train: try Images.train(100),
      validation: try Images.test(40), threads: 1)
    let follower = Follower(trainer)
    let error = failure { try trainer.run([follower]) }
    #expect(error?.code == .notFinite)
    #expect(error?.message.contains("epoch 1, batch \(follower.batches.count + 1)") == true)
    #expect(error?.message.contains("learning rate than 1e+30") == true)
  }

  /// The rates that are named are those of the step that made the weights what they are.
  @Test func theAdviceNamesTheRatesInUse() throws {
    func message(_ overrides: String) throws -> String? {
      var hyperparameters = try Hyperparameters.quick()
      try hyperparameters.apply(overrides: overrides)
      let trainer = try Trainer(
        hyperparameters: hyperparameters, train: try Images.train(100),
        validation: try Images.test(40), threads: 1)
      return failure { try trainer.run([]) }?.message
    }
    let grouped = try message(
      #"{"optimizer": {"groups": [{"parameters": "dense.*", "learning_rate": 1e30}]}}"#)
    #expect(
      grouped?.hasSuffix(
        "lower learning rates may help: the last step had 1e+30 of the group 'dense.*', "
          + "0.001 of the rest") == true, "\(grouped ?? "")")
    // The second batch's rate would be another one.
    let scheduled = try message(
      #"""
      {"optimizer": {"learning_rate": 1e30},
       "schedule": {"type": "exponential", "decay_rate": 0.5, "unit": "step"}}
      """#)
    #expect(scheduled?.contains("learning rate than 1e+30 may help") == true, "\(scheduled ?? "")")
  }

  /// Of a decay that undoes more than there is.
  @Test func theAdviceNamesAWeightDecayThatIsTooLarge() throws {
    func advice(_ overrides: String) throws -> String {
      var hyperparameters = try Hyperparameters.quick()
      try hyperparameters.apply(overrides: overrides)
      let trainer = try Trainer(
        hyperparameters: hyperparameters, train: try Images.train(64),
        validation: try Images.test(40), threads: 1)
      let follower = Follower(trainer, stopsAfter: (epoch: 1, batch: 1))
      #expect(try trainer.run([follower]) == .stopped)
      return trainer.adviceOnDivergence
    }
    let reason =
      "times the learning rate it is 1 or more, and a step takes away all of a weight, or more"
    #expect(
      try advice(#"{"optimizer": {"type": "sgd", "learning_rate": 0.5, "weight_decay": 2}}"#)
        == "a lower learning rate than 0.5 may help; so may a smaller weight_decay than 2.0: "
        + reason)
    #expect(
      try advice(#"{"optimizer": {"type": "sgd", "learning_rate": 0.5, "weight_decay": 1.9}}"#)
        == "a lower learning rate than 0.5 may help")
    #expect(
      try advice(
        #"""
        {"optimizer": {"type": "sgd", "learning_rate": 0.5, "groups": [
          {"parameters": "dense.*", "learning_rate": 1, "weight_decay": 3}]}}
        """#)
        == "lower learning rates may help: the last step had 1.0 of the group 'dense.*', 0.5 of the "
        + "rest; so may a smaller weight_decay than 3.0 of the group 'dense.*': " + reason)
  }

  /// An observer hears of a validation loss that is no number, once, and training continues.
  @Test func aValidationLossThatIsNoNumberIsTold() throws {
    var hyperparameters = try Hyperparameters.quick(epochs: 1)
    hyperparameters.optimizer.learningRate = 1e30
    hyperparameters.batchSize = 64
    let trainer = try Trainer(
      hyperparameters: hyperparameters, train: try Images.train(64),
      validation: try Images.test(40), threads: 1)
    let follower = Follower(trainer)
    #expect(try trainer.run([follower]) == .completed(reason: "all 1 epochs are done"))
    #expect(follower.reports.first?.metrics.valLoss.isFinite == false)
    #expect(follower.remarks.count == 1)
    #expect(follower.remarks.first?.hasPrefix("the validation loss of epoch 1 is ") == true)
    #expect(
      follower.remarks.first?.hasSuffix(
        ": training may have diverged; a lower learning rate than 1e+30 may help; terminate_on_nan "
          + "ends such a run") == true)
  }

  @Test func anObserversErrorComesThrough() throws {
    struct Unhappy: Error, Equatable {}
    let trainer = try Trainer(
      hyperparameters: .quick(), train: try Images.train(100), validation: try Images.test(40),
      threads: 1)
    let follower = Follower(trainer)
    follower.onBatch = { throw Unhappy() }
    #expect(throws: Unhappy()) { try trainer.run([follower]) }
    #expect(trainer.step == 1)
    // The trainer stands where the error left it and can continue.
    follower.onBatch = nil
    #expect(try trainer.run([follower]) == .completed(reason: "all 3 epochs are done"))
    let whole = try Training(.quick()).follower
    #expect(follower.checkpoints == whole.checkpoints)
  }

  @Test(arguments: [0, -1, 1025]) func threadsOutOfRangeAreRefused(threads: Int) throws {
    let error = failure { try Training(.quick(), threads: threads) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message == "threads \(threads) is not in 1 to 1024")
  }
}
