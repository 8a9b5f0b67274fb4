import CheckpointFormat
import CifarCore
import CifarData
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

/// A training that was stopped and continued with is the one that wasn't, with no tolerance.
@Suite struct ResumeTests {
  @Test(arguments: Recipe.names) func afterAnEpoch(recipe: String) throws {
    let whole = try Training(.quick(recipe, epochs: 4))
    for epoch in 1...3 {
      let rest = try Training(resumed(whole.follower.checkpoints[epoch - 1]))
      // Every byte: between two epochs no time has passed.
      #expect(rest.follower.checkpoints == Array(whole.follower.checkpoints[epoch...]))
      #expect(rest.end == whole.end)
      let metrics = rest.follower.reports.map(\.metrics.valLoss)
      #expect(metrics == whole.follower.reports[epoch...].map(\.metrics.valLoss))
      #expect(rest.follower.reports.map(\.isBest) == whole.follower.reports[epoch...].map(\.isBest))
      // Best weights were put back in both.
      #expect(
        try Essence(rest.trainer.checkpoint()) == (try Essence(whole.trainer.checkpoint())))
    }
  }

  @Test(arguments: Recipe.names) func inTheMiddleOfAnEpoch(recipe: String) throws {
    let whole = try Training(.quick(recipe, epochs: 3))
    for place in [(1, 1), (2, 2), (2, whole.trainer.batchesPerEpoch), (3, 3)] {
      let first = try Training(.quick(recipe, epochs: 3), stopsAfter: place)
      #expect(first.end == .stopped)
      #expect(first.trainer.epoch == place.0 - 1)
      #expect(first.trainer.batch == place.1)
      let checkpoint = try first.trainer.blob()
      let trainer = try resumed(checkpoint)
      // What is written again right away is what was read.
      #expect(try trainer.blob() == checkpoint)
      let rest = try Training(trainer)
      #expect(rest.follower.checkpoints == Array(whole.follower.checkpoints[(place.0 - 1)...]))
      let losses = first.follower.batches.map(\.loss) + rest.follower.batches.map(\.loss)
      #expect(losses == whole.follower.batches.map(\.loss))
      let seen = rest.follower.batches.map(\.images)
      #expect(seen == whole.follower.batches.map(\.images).suffix(seen.count))
    }
  }

  /// With other numbers of threads each time.
  @Test func afterEveryBatch() throws {
    let whole = try Training(.quick(epochs: 2))
    var trainer = try Trainer(
      hyperparameters: .quick(epochs: 2), train: try Images.train(100),
      validation: try Images.test(40), threads: 1)
    var checkpoints: [Blob] = []
    for step in 1...8 {
      let follower = Follower(trainer, stopsAfter: ((step - 1) / 4 + 1, (step - 1) % 4 + 1))
      #expect(try trainer.run([follower]) == .stopped)
      checkpoints += follower.checkpoints
      trainer = try resumed(trainer.blob(), threads: 1 + step % 2)
    }
    checkpoints += try Training(trainer).follower.checkpoints
    #expect(checkpoints == whole.follower.checkpoints)
  }

  @Test func afterAnInterrupt() throws {
    let whole = try Training(.quick(epochs: 2))
    let trainer = try Trainer(
      hyperparameters: .quick(epochs: 2), train: try Images.train(100),
      validation: try Images.test(40), threads: 1)
    // Before anything happened, while training, while validating.
    trainer.interrupt()
    let follower = Follower(trainer)
    #expect(try trainer.run([follower]) == .interrupted)
    #expect(trainer.step == 0)
    let next = try resumed(trainer.blob())
    let second = Follower(next)
    second.onBatch = { [unowned next] in if next.step == 2 { next.interrupt() } }
    #expect(try next.run([second]) == .interrupted)
    #expect(next.batch == 2)
    let third = try resumed(next.blob())
    let last = Follower(third)
    last.onValidation = { [unowned third] in third.interrupt() }
    #expect(try third.run([last]) == .interrupted)
    #expect(third.batch == 4)
    #expect(third.epoch == 0)
    #expect(last.reports.isEmpty)
    let rest = try Training(resumed(third.blob()))
    #expect(rest.follower.checkpoints == whole.follower.checkpoints)
  }

  @Test func aCompletedTrainingHasNothingToDo() throws {
    let whole = try Training(.quick(epochs: 1))
    let again = try Training(resumed(whole.follower.checkpoints[0]))
    #expect(again.end == .completed(reason: "all 1 epochs are done"))
    #expect(again.follower.batches.isEmpty)
  }

  @Test func moreEpochsAreTheOnesThatWouldHaveFollowed() throws {
    let long = try Training(.quick(epochs: 3))
    let short = try Training(.quick(epochs: 1))
    let rest = try Training(resumed(short.follower.checkpoints[0], epochs: 3))
    #expect(rest.follower.checkpoints == Array(long.follower.checkpoints[1...]))
    let error = failure { try resumed(short.follower.checkpoints[0], epochs: 0) }
    #expect(error?.code == .invalidArgument)
  }

  @Test func aPartOfAnEpochIsTheOneThatWouldHaveFollowed() throws {
    var hyperparameters = try Hyperparameters.quick()
    hyperparameters.exactEpochs = 2.5
    let whole = try Training(hyperparameters)
    let short = try Training(.quick(epochs: 1)).follower.checkpoints[0]
    let rest = try Training(resumed(short, epochs: 2.5))
    #expect(rest.end == .completed(reason: "all 2.5 epochs are done"))
    #expect(rest.follower.checkpoints == Array(whole.follower.checkpoints[1...]))

    func refusal(_ checkpoint: Blob, _ epochs: Double) -> String? {
      failure { try resumed(checkpoint, epochs: epochs) }?.message
    }
    let first = try Training(.quick(), stopsAfter: (epoch: 2, batch: 3))
    let middle = Blob(try first.trainer.checkpoint())
    #expect(
      refusal(middle, 1.5)
        == "epochs 1.5 is fewer than the run has: its checkpoint was taken within epoch 2, after 3 of "
        + "4 batches; give at least 2, or take up an earlier checkpoint")
    #expect(try Training(resumed(middle, epochs: 1.75)).trainer.step == 7)
    let end = try #require(whole.follower.checkpoints.last)
    #expect(try Training(resumed(end, epochs: 2.5)).follower.batches.isEmpty)
    #expect(
      refusal(end, 2.75)
        == "the checkpoint was taken when 2.5 epochs were done, within epoch 3, which is over: to "
        + "train 2.75, take up a checkpoint of before")
    #expect(refusal(end, 2.25)?.contains("was taken when 2.5 were done; give at least 2.5") == true)
    for epochs in [0, -1, .nan, .infinity, 1_000_001] {
      #expect(
        refusal(short, epochs)?.hasSuffix("is not above 0, up to 1000000") == true)
    }
  }

  private func impatient() throws -> Hyperparameters {
    var hyperparameters = try Hyperparameters.quick(epochs: 30)
    hyperparameters.optimizer.learningRate = 2e-2
    hyperparameters.callbacks = [
      CallbackSpec(
        EarlyStopping.Options(
          dialect: .pytorch, monitor: .valLoss, patience: 2, minDelta: 0,
          restoreBestWeights: true))
    ]
    return hyperparameters
  }

  @Test func earlyStoppingPutsTheBestWeightsBack() throws {
    let training = try Training(impatient())
    guard case .completed(let reason) = training.end else {
      Issue.record("\(training.end)")
      return
    }
    let losses = training.follower.reports.map(\.metrics.valLoss)
    let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
    #expect(reason.contains("early stopping"))
    #expect(reason.contains("best in epoch \(best + 1)"))
    #expect(losses.count == best + 3)
    let kept = try Checkpoint(training.follower.checkpoints[best].bytes).tensors
    let network = training.trainer.network.stateTensors()
    let isBest = network == kept.filter { tensor in network.contains { $0.name == tensor.name } }
    #expect(isBest)
    #expect(!network.isEmpty)
    // One that is resumed at the end knows that it has ended.
    let again = try Training(resumed(training.follower.checkpoints[losses.count - 1]))
    #expect(again.end == training.end)
    let isSame = again.trainer.network.stateTensors() == network
    #expect(isSame)
    // And learns on if more epochs are asked for.
    let more = try Training(
      resumed(training.follower.checkpoints[losses.count - 1], epochs: Double(losses.count + 1)))
    #expect(more.follower.reports.map(\.metrics.epoch) == [losses.count + 1])
  }

  @Test func otherImagesAreRefused() throws {
    let checkpoint = try Training(.quick(epochs: 1)).follower.checkpoints[0]
    for (train, test, part) in [(99, 40, "training"), (100, 41, "validation")] {
      let error = failure { try resumed(checkpoint, train: train, test: test) }
      #expect(error?.code == .shapeMismatch)
      #expect(error?.message.contains("the \(part) images") == true)
    }
    // The same number of others.
    let error = failure {
      try Trainer(
        resuming: try Checkpoint(checkpoint.bytes), epochs: nil,
        train: try Images.train(200).prefix(100, from: 10), validation: try Images.test(40),
        threads: 1)
    }
    #expect(error?.code == .shapeMismatch)
  }

  @Test func whatIsNoCheckpointIsRefused() throws {
    let bytes = try Training(.quick(epochs: 1)).follower.checkpoints[0].bytes
    #expect(failure { try Checkpoint([]) }?.code == .badData)
    for length in [7, 8, 100, bytes.count / 2, bytes.count - 1] {
      #expect(failure { try Checkpoint(Array(bytes[0..<length])) }?.code == .badData, "\(length)")
    }
    let foreign = try SafeTensors.encode([], metadata: ["format": "pt"])
    let error = failure { try Checkpoint(foreign) }
    #expect(error?.code == .badData)
    #expect(error?.message.contains("no libcifar checkpoint") == true)
    // A tensor is missing.
    let (tensors, metadata) = try SafeTensors.decode(bytes)
    for name in [tensors[0].name, "optimizer."] {
      let some = tensors.filter { !$0.name.hasPrefix(name) }
      #expect(some.count < tensors.count)
      let cut = try SafeTensors.encode(some, metadata: metadata)
      #expect(failure { try resumed(Blob(cut)) } != nil, "\(name)")
    }
  }
}
