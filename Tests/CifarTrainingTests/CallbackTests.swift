import CifarCore
import CifarData
import CifarNN
import Foundation
import TestSupport
import Testing

@testable import CifarTraining

/// What callbacks do to a training.
@Suite struct CallbackTests {
  private func quick(
    _ callbacks: [CallbackSpec], epochs: Int = 2, rate: Double = 1e-3
  ) throws -> Hyperparameters {
    var hyperparameters = try Hyperparameters.quick(epochs: epochs)
    hyperparameters.callbacks = callbacks
    hyperparameters.optimizer.learningRate = rate
    return hyperparameters
  }

  @Test func aLossThatIsNoNumberFailsOrEndsTheTraining() throws {
    let error = failure { try Training(try quick([], rate: 1e30)) }
    #expect(error?.code == .notFinite)
    let training = try Training(quick([CallbackSpec(TerminateOnNaN.Options())], rate: 1e30))
    guard case .diverged(let reason) = training.end else {
      Issue.record("\(training.end)")
      return
    }
    #expect(reason.hasPrefix("terminate on NaN: the loss is "))
    #expect(!reason.contains("-nan"))
    #expect(reason.hasSuffix(" in epoch 1, batch \(training.follower.batches.count)"))
    #expect(training.follower.batches.count < 4)
    // The epoch was validated and has its row.
    #expect(training.follower.validations == 1)
    #expect(training.follower.reports.map(\.metrics.epoch) == [1])
    let metrics = try #require(training.follower.reports.first).metrics
    #expect(!metrics.trainLoss.isFinite && !metrics.valLoss.isFinite)
    for loss in [metrics.trainLoss, metrics.valLoss] { #expect("\(loss)".first != "-") }
  }

  /// In the middle of its validation; what is resumed validates, and trains no more.
  @Test func aTerminatedEpochThatIsInterruptedIsEndedLater() throws {
    let hyperparameters = try quick([CallbackSpec(TerminateOnNaN.Options())], rate: 100)
    func make() throws -> (Trainer, Follower) {
      let trainer = try Trainer(
        hyperparameters: hyperparameters, train: try Images.train(100),
        validation: try Images.test(40), threads: 1)
      let follower = Follower(trainer)
      // Infinite biases of the last layer: no weight of a checkpoint is NaN.
      follower.onBatch = { [unowned follower, unowned trainer] in
        guard follower.batches.count == 2 else { return }
        try trainer.network.load(
          trainer.network.stateTensors().map { tensor in
            var large = tensor
            if tensor.name == "13.bias" { large.values[0] = .infinity }
            return large
          })
      }
      return (trainer, follower)
    }
    let (whole, wholeFollower) = try make()
    let end = try whole.run([wholeFollower])
    guard case .diverged = end else {
      Issue.record("\(end)")
      return
    }
    #expect(wholeFollower.batches.count == 3 && wholeFollower.reports.count == 1)
    let (trainer, follower) = try make()
    follower.onValidation = { [unowned trainer] in trainer.interrupt() }
    #expect(try trainer.run([follower]) == .interrupted)
    #expect(follower.reports.isEmpty && follower.batches.count == 3)
  }

  /// The last step of all can make the weights none, and no batch comes to see it: in the frameworks
  /// such a training ends like any other, unless someone asked for an end.
  @Test func aValidationLossThatIsNoNumberEndsTrainingWhereItIsAskedFor() throws {
    var hyperparameters = try quick([], epochs: 1, rate: 1e30)
    hyperparameters.stepsPerEpoch = 1
    let training = try Training(hyperparameters)
    #expect(training.end == .completed(reason: "all 1 epochs are done"))
    #expect(training.follower.reports.map(\.isBest) == [false])
    #expect(training.follower.reports.allSatisfy { !$0.metrics.valLoss.isFinite })

    hyperparameters.callbacks = [CallbackSpec(TerminateOnNaN.Options())]
    hyperparameters.epochs = 3
    let terminated = try Training(hyperparameters)
    guard case .diverged(let reason) = terminated.end else {
      Issue.record("\(terminated.end)")
      return
    }
    #expect(reason.hasPrefix("terminate on NaN: the validation loss is "))
    #expect(reason.hasSuffix(" in epoch 1"))
    #expect(terminated.follower.reports.count == 1)
  }

  @Test func aTimerPausesAndEveryResumeHasItsTimeAnew() throws {
    let hyperparameters = try quick([CallbackSpec(Timer.Options(seconds: 1e-9))])
    let undisturbed = try Training(quick([CallbackSpec(Timer.Options(seconds: 1e9))]))
    var training = try Training(hyperparameters)
    var batches = 0
    while training.end == .stopped {
      #expect(training.trainer.pauseReason?.contains("1e-09 seconds are over") == true)
      #expect(training.follower.batches.count == 1)
      batches += 1
      training = try Training(resumed(training.trainer.blob()))
    }
    #expect(batches == 8)
    let one = training.trainer.network.stateTensors()
    let other = undisturbed.trainer.network.stateTensors()
    #expect(one == other)
  }

  @Test func checkpointsComeEverySoManyBatches() throws {
    final class Counter: TrainerObserver {
      var seen = 0
      var due: [Int] = []
      func observe(_ event: TrainingEvent) -> TrainerAnswer {
        switch event {
        case .batchEnd: seen += 1
        case .checkpointDue: due.append(seen + 1)
        default: break
        }
        return .proceed
      }
    }
    let spec = CallbackSpec(
      ModelCheckpoint.Options(dialect: .pytorch, monitor: .valLoss, saveFrequency: 3))
    let counter = Counter()
    let trainer = try Trainer(
      hyperparameters: quick([spec]), train: try Images.train(100),
      validation: try Images.test(40), threads: 1)
    #expect(try trainer.run([counter]) == .completed(reason: "all 2 epochs are done"))
    // Across epochs, as Keras counts.
    #expect(counter.due == [3, 6])
  }

  @Test func withoutSaveBestOnlyEveryEpochCounts() throws {
    for (only, expected) in [(false, [true, true, true]), (true, [true, false, true])] {
      let callback = ModelCheckpoint(
        .init(dialect: .keras, monitor: .valLoss, saveBestOnly: only))
      let marks = [1.0, 2.0, 0.5].enumerated().map { index, value in
        var control = EpochControl(learningRate: 1)
        callback.epochEnded(metrics(index + 1, value), &control)
        return control.isBestCheckpoint
      }
      #expect(marks == expected)
    }
  }

  @Test func modesTurnAMetricRound() {
    for (monitor, mode, lower) in [
      (Monitor.valLoss, MonitorMode.auto, true), (.accuracy, .auto, false), (.loss, .auto, true),
      (.valAccuracy, .min, true), (.valLoss, .max, false),
    ] { #expect(Comparison(monitor, mode).isLowerBetter == lower) }
    let callback = EarlyStopping(
      .init(
        dialect: .keras, monitor: .valLoss, patience: 1, minDelta: 0, restoreBestWeights: false,
        mode: .max))
    var control = EpochControl(learningRate: 1)
    for (index, value) in [1.0, 2.0, 3.0].enumerated() {
      callback.epochEnded(metrics(index + 1, value), &control)
    }
    #expect(control.stopReason == nil)
    callback.epochEnded(metrics(4, 2.5), &control)
    #expect(control.stopReason != nil)
  }

  // MARK: CSVLogger

  private func lines(_ file: String) throws -> [String] {
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(text.hasSuffix("\n"))
    return text.split(separator: "\n").map(String.init)
  }

  @Test func aLineAnEpochIsWritten() throws {
    let file = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).csv"
    defer { try? FileManager.default.removeItem(atPath: file) }
    let log = { (append: Bool) in
      CallbackSpec(CSVLogger.Options(filename: file, separator: ";", append: append))
    }
    let training = try Training(quick([log(false)], epochs: 3))
    let whole = try lines(file)
    #expect(whole.count == 4)
    #expect(whole[0] == "epoch;accuracy;learning_rate;loss;val_accuracy;val_loss")
    let metrics = training.follower.reports[1].metrics
    #expect(
      whole[2]
        == "1;\(metrics.trainAccuracy);0.001;\(metrics.trainLoss);\(metrics.valAccuracy);"
        + "\(metrics.valLoss)")
    // A run that is resumed writes its epochs again.
    try Training(resumed(training.follower.checkpoints[0]))
    #expect(try lines(file) == whole)
    // Another run begins a new file, or appends.
    try Training(quick([log(true)], epochs: 1))
    #expect(try lines(file) == whole + [whole[1]])
    try Training(quick([log(false)], epochs: 1))
    #expect(try lines(file) == Array(whole[0...1]))
  }

  @Test func whatIsNoNumberIsNanInTheFile() throws {
    let file = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).csv"
    defer { try? FileManager.default.removeItem(atPath: file) }
    let training = try Training(
      quick(
        [CallbackSpec(CSVLogger.Options(filename: file)), CallbackSpec(TerminateOnNaN.Options())],
        rate: 1e30))
    #expect(training.follower.reports.count == 1)
    let row = try #require(try lines(file).dropFirst().first).split(separator: ",")
    #expect(row[0] == "0")
    for column in [3, 5] { #expect(["nan", "inf"].contains(row[column]), "\(row)") }
  }

  @Test func aFileThatCantBeWrittenIsNamed() throws {
    let error = failure {
      try Training(quick([CallbackSpec(CSVLogger.Options(filename: "/nowhere/log.csv"))]))
    }
    #expect(error?.code == .io)
    #expect(error?.message.contains("can't write '/nowhere/log.csv'") == true)
  }

  // MARK: Observers

  /// Writes down what happens, and sets a rate where it is told to.
  private final class Diary: TrainerObserver {
    var entries: [String] = []
    var stopsAt: String?
    var rates: [String: Double] = [:]
    weak var trainer: Trainer?

    private func note(_ entry: String) throws -> TrainerAnswer {
      entries.append(entry)
      if let rate = rates[entry] { try trainer?.setLearningRate(rate) }
      return entry == stopsAt ? .stop : .proceed
    }
    func observe(_ event: TrainingEvent) throws -> TrainerAnswer {
      switch event {
      case .trainBegin: try note("train")
      case .epochBegin(let progress): try note("epoch \(progress.epoch)")
      case .batchBegin(let progress): try note("batch \(progress.batch)")
      case .batchEnd(let progress): try note("end \(progress.batch) \(progress.learningRate)")
      case .validationBegin: try note("validation")
      case .validationEnd(let report): try note("validated \(report.images)")
      case .epochEnd(let report):
        try note("end epoch \(report.metrics.epoch) \(report.metrics.learningRate)")
      case .trainEnd: try note("end train")
      case .checkpointDue, .remark: .proceed
      }
    }
  }

  private func diary(
    _ hyperparameters: Hyperparameters, stopsAt: String? = nil, rates: [String: Double] = [:]
  ) throws -> (entries: [String], trainer: Trainer) {
    let trainer = try Trainer(
      hyperparameters: hyperparameters, train: try Images.train(64),
      validation: try Images.test(40), threads: 1)
    let diary = Diary()
    (diary.trainer, diary.stopsAt, diary.rates) = (trainer, stopsAt, rates)
    _ = try trainer.run([diary])
    return (diary.entries, trainer)
  }

  @Test func observersHearOfEveryBeginningAndEnd() throws {
    let epoch =
      ["batch 0", "end 1 0.001", "batch 1", "end 2 0.001"]
      + ["validation", "validated 40"]
    let one = ["epoch 1"] + epoch + ["end epoch 1 0.001"]
    let two = ["epoch 2"] + epoch + ["end epoch 2 0.001"]
    let all = ["train"] + one + two + ["end train"]
    #expect(try diary(quick([])).entries == all)
    for (index, entry) in all.enumerated() where entry != "end train" {
      // The first entry of that name.
      guard all.firstIndex(of: entry) == index else { continue }
      let stopped = try diary(quick([]), stopsAt: entry)
      // An epoch whose batches are done has its row all the same.
      let rest = ["validation": 2, "validated 40": 1][entry] ?? 0
      #expect(stopped.entries == Array(all[...(index + rest)]) + ["end train"])
    }
  }

  @Test func everyObserverIsToldAndOneIsEnoughToStop() throws {
    let trainer = try Trainer(
      hyperparameters: quick([]), train: try Images.train(64), validation: try Images.test(40),
      threads: 1)
    let diaries = [Diary(), Diary(), Diary()]
    diaries[1].stopsAt = "end 1 0.001"
    #expect(try trainer.run(diaries) == .stopped)
    for diary in diaries {
      #expect(diary.entries == ["train", "epoch 1", "batch 0", "end 1 0.001", "end train"])
    }
  }

  @Test func ratesCanBeSetAtEveryPlace() throws {
    let set = try diary(
      quick([]), rates: ["train": 0.5, "batch 1": 0.25, "epoch 2": 0.125])
    #expect(
      set.entries.filter { $0.hasPrefix("end") } == [
        "end 1 0.5", "end 2 0.25", "end epoch 1 0.25", "end 1 0.125", "end 2 0.25",
        "end epoch 2 0.25", "end train",
      ])
    for rate in [-1, .nan, .infinity] {
      #expect(failure { try set.trainer.setLearningRate(rate) }?.code == .invalidArgument)
    }
    var scheduled = try quick([])
    scheduled.schedule = LearningRateSchedule(ConstantCurve(), warmup: 1)
    let error = failure { try diary(scheduled, rates: ["epoch 1": 1]) }
    #expect(error?.code == .invalidState)
    #expect(error?.message.contains("schedule 'constant'") == true)
  }

  @Test func aScheduleIsInRowsAndReports() throws {
    var scheduled = try quick([], epochs: 3, rate: 0.01)
    scheduled.schedule = LearningRateSchedule(StepDecay(size: 1, gamma: 0.5))
    let training = try Training(scheduled)
    #expect(training.follower.reports.map(\.metrics.learningRate) == [0.01, 0.005, 0.0025])
    #expect(training.follower.reports.map(\.nextLearningRate) == [0.005, 0.0025, 0.00125])
    #expect(training.follower.batches.map(\.learningRate)[3...4] == [0.01, 0.005])
  }

  // MARK: Steps

  @Test func stepsPerEpochGoOnThroughTheImages() throws {
    var hyperparameters = try quick([], epochs: 2)
    hyperparameters.epochs = 3
    let whole = try Training(hyperparameters)
    // 12 batches of 4 a pass are 4 epochs of 3, and 2 of 6.
    for (steps, epochs) in [(3, 4), (6, 2)] {
      hyperparameters.stepsPerEpoch = steps
      hyperparameters.epochs = epochs
      let other = try Training(hyperparameters)
      #expect(other.follower.reports.count == epochs)
      #expect(other.follower.batches.count == 12)
      let same = other.trainer.network.stateTensors() == whole.trainer.network.stateTensors()
      #expect(same)
      #expect(other.follower.batches.allSatisfy { $0.batches == steps })
    }
  }
}
