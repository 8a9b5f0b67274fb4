import CheckpointFormat
import CifarCore
import CifarNN
import Foundation
import Testing

@testable import CifarTraining

/// What PyTorch and Keras did with the same metrics: `callbacks.json`, written by
/// `make_callback_golden.py`. It says what a row's numbers are.
private struct CallbackGolden: Decodable {
  struct Trace: Decodable {
    var name: String
    var mode: String
    var values: [Double]
    var pytorch: [[Double]]
    var keras: [[Double]]
    // Of ReduceLROnPlateau:
    var factor: Double?
    var threshold: Double?
    var cooldown: Int?
    var minLr: Double?
    var epsilon: Double?
    var initialRate: Double?
    // Of EarlyStopping:
    var minDelta: Double?
    var baseline: Double?
    var startFromEpoch: Int?
    // Of both:
    var patience: Int

    var monitor: Monitor { mode == "min" ? .valLoss : .valAccuracy }
    func rows(_ dialect: Dialect) -> [[Double]] { dialect == .keras ? keras : pytorch }
  }

  struct Saves: Decodable {
    var name: String
    var mode: String
    var values: [Double]
    var initialValueThreshold: Double?
    var pytorch: [Int]
    var keras: [Int]

    var monitor: Monitor { mode == "min" ? .valLoss : .valAccuracy }
  }

  var reduceOnPlateau: [Trace]
  var earlyStopping: [Trace]
  var modelCheckpoint: [Saves]
  var earlyStoppingBaseline: [Trace]
  var reduceOnPlateauAbsolute: [Trace]
  var modelCheckpointThreshold: [Saves]
  var earlyStoppingNegative: [Trace]
  var reduceOnPlateauNegative: [Trace]
  var terminateOnNan: Terminated

  struct Terminated: Decodable {
    var batches: [Int]
    var epochs: [Int]
    var logs: [[String: String]]
  }

  static func load() throws -> CallbackGolden {
    let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let data = try Data(contentsOf: directory.appendingPathComponent("Golden/callbacks.json"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(CallbackGolden.self, from: data)
  }
}

/// An epoch whose every metric is `value`.
func metrics(_ epoch: Int, _ value: Double) -> EpochMetrics {
  EpochMetrics(
    epoch: epoch, trainLoss: value, trainAccuracy: value, valLoss: value, valAccuracy: value,
    learningRate: 1e-3)
}

private func isSame(_ one: Double?, _ other: Double) -> Bool {
  guard let one else { return false }
  return one == other || one.isNaN && other.isNaN || abs(one - other) < 1e-6 * abs(other)
}

@Suite struct CallbackGoldenTests {
  @Test(arguments: Dialect.allCases) func reduceLROnPlateau(dialect: Dialect) throws {
    let traces = try CallbackGolden.load().reduceOnPlateau
    #expect(traces.count == 50)
    try compare(traces, dialect)
  }

  @Test func anAbsoluteThresholdIsPyTorchs() throws {
    let traces = try CallbackGolden.load().reduceOnPlateauAbsolute
    #expect(traces.count == 50)
    try compare(traces, .pytorch, thresholdMode: .abs)
  }

  private func compare(
    _ traces: [CallbackGolden.Trace], _ dialect: Dialect,
    thresholdMode: ReduceLROnPlateau.ThresholdMode? = nil
  ) throws {
    for trace in traces {
      let options = ReduceLROnPlateau.Options(
        dialect: dialect, monitor: trace.monitor, factor: try #require(trace.factor),
        patience: trace.patience, threshold: try #require(trace.threshold),
        cooldown: try #require(trace.cooldown), minLR: try #require(trace.minLr),
        epsilon: try #require(trace.epsilon), thresholdMode: thresholdMode)
      var callback = ReduceLROnPlateau(options)
      var rate = try #require(trace.initialRate)
      for (index, (value, row)) in zip(trace.values, trace.rows(dialect)).enumerated() {
        var control = EpochControl(learningRate: rate)
        callback.epochEnded(metrics(index + 1, value), &control)
        rate = control.learningRate
        let state = callback.state
        let place: Comment = "\(trace.name), \(trace.mode), epoch \(index + 1), \(options)"
        #expect(isSame(rate, row[0]), place)
        #expect(isSame(state.best ?? Comparison(trace.monitor).worst, row[1]), place)
        // Keras's rate has 32 bits and may reach the minimum an epoch later; nothing depends on
        // the counters any more then.
        if rate > options.minLR * 1.000001 {
          #expect(state.wait == Int(row[2]), place)
          #expect(state.cooldown == Int(row[3]), place)
        }
        // A resume between any two epochs changes nothing.
        callback = ReduceLROnPlateau(options)
        callback.state = try StateCoding.decode(
          CallbackState.self, from: StateCoding.encode(state), what: "state")
      }
    }
  }

  @Test(arguments: Dialect.allCases) func earlyStopping(dialect: Dialect) throws {
    let traces = try CallbackGolden.load().earlyStopping
    #expect(traces.count == 50)
    try compareStopping(traces, dialect)
  }

  @Test func aBaselineAndALateStartAreKeras() throws {
    let traces = try CallbackGolden.load().earlyStoppingBaseline
    #expect(traces.count == 50)
    try compareStopping(traces, .keras)
  }

  private func compareStopping(_ traces: [CallbackGolden.Trace], _ dialect: Dialect) throws {
    for trace in traces {
      let options = EarlyStopping.Options(
        dialect: dialect, monitor: trace.monitor, patience: trace.patience,
        minDelta: try #require(trace.minDelta), restoreBestWeights: true,
        baseline: trace.baseline, startFromEpoch: trace.startFromEpoch ?? 0)
      var callback = EarlyStopping(options)
      var best = 0
      for (index, (value, row)) in zip(trace.values, trace.rows(dialect)).enumerated() {
        var control = EpochControl(learningRate: 1)
        callback.epochEnded(metrics(index + 1, value), &control)
        if control.keepsWeights { best = index + 1 }
        let state = callback.state
        let place: Comment = "\(trace.name), \(trace.mode), epoch \(index + 1), \(options)"
        #expect(isSame(state.best ?? .nan, row[0]), place)
        #expect(state.bestEpoch == Int(row[1]), place)
        #expect(best == Int(row[1]), place)
        #expect(state.wait == Int(row[2]), place)
        #expect((control.stopReason != nil) == (row[3] == 1), place)
        callback = EarlyStopping(options)
        callback.state = try StateCoding.decode(
          CallbackState.self, from: StateCoding.encode(state), what: "state")
      }
    }
  }

  @Test func aNegativeMarginIsItsAmountInKeras() throws {
    let golden = try CallbackGolden.load()
    #expect(golden.earlyStoppingNegative.count == 50)
    #expect(golden.reduceOnPlateauNegative.count == 50)
    try compareStopping(golden.earlyStoppingNegative, .keras)
    try compare(golden.reduceOnPlateauNegative, .keras)
  }

  @Test(arguments: Dialect.allCases) func modelCheckpoint(dialect: Dialect) throws {
    let golden = try CallbackGolden.load()
    for traces in [golden.modelCheckpoint, golden.modelCheckpointThreshold] {
      #expect(traces.count == 50)
      for trace in traces { compareSaves(trace, dialect) }
    }
  }

  private func compareSaves(_ trace: CallbackGolden.Saves, _ dialect: Dialect) {
    let options = ModelCheckpoint.Options(
      dialect: dialect, monitor: trace.monitor,
      initialValueThreshold: trace.initialValueThreshold)
    var callback = ModelCheckpoint(options)
    var saved: [Int] = []
    for (index, value) in trace.values.enumerated() {
      var control = EpochControl(learningRate: 1)
      callback.epochEnded(metrics(index + 1, value), &control)
      if control.isBestCheckpoint { saved.append(index + 1) }
      let state = callback.state
      callback = ModelCheckpoint(options)
      callback.state = state
    }
    // Keras stays with the NaN of a first epoch for ever. Here NaN is never the best.
    if dialect == .keras, trace.values[0].isNaN, trace.initialValueThreshold == nil { return }
    #expect(
      saved == (dialect == .keras ? trace.keras : trace.pytorch), "\(trace.name), \(trace.mode)")
  }

  /// Which batches and epochs are heard of, and what is a number in their rows.
  @Test func aTerminatedTrainingIsKeras() throws {
    let golden = try CallbackGolden.load().terminateOnNan
    #expect(golden.batches == [1, 2, 3, 4, 5, 6, 1, 2, 3])
    #expect(golden.epochs == [1, 2])
    var hyperparameters = try Hyperparameters.quick("keras", epochs: 4)
    hyperparameters.callbacks = [CallbackSpec(TerminateOnNaN.Options())]
    hyperparameters.batchSize = 2
    let trainer = try Trainer(
      hyperparameters: hyperparameters, train: try Images.train(12),
      validation: try Images.test(12), threads: 1)
    let follower = Follower()
    follower.onBatch = { [unowned follower] in
      guard let last = follower.batches.last, (last.epoch, last.batch) == (2, 2) else { return }
      try trainer.network.load(
        trainer.network.stateTensors().map { tensor in
          Tensor(
            name: tensor.name, shape: tensor.shape, values: tensor.values.map { _ in .nan })
        })
    }
    guard case .diverged = try trainer.run([follower]) else {
      Issue.record("it did not end as diverged")
      return
    }
    #expect(follower.batches.map(\.batch) == golden.batches)
    #expect(follower.reports.map(\.metrics.epoch) == golden.epochs)
    for (report, logs) in zip(follower.reports, golden.logs) {
      #expect((logs["loss"] == "nan") == report.metrics.trainLoss.isNaN)
      #expect((logs["val_loss"] == "nan") == report.metrics.valLoss.isNaN)
    }
  }
}
