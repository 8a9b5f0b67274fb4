import CifarCore
import CifarData
import CifarRegistry
import Foundation
import Kernels
import TestSupport
import Testing

@testable import Cifar
@testable import CifarTraining

@Suite struct RecordingTests {
  let sample: Sample

  init() throws { sample = try Sample() }

  @Test func aRunIsWrittenDown() throws {
    let hyperparameters = try Hyperparameters.quick()
    let session = try sample.start(hyperparameters, name: "first")
    let id = try #require(session.runID)
    #expect(session.registryPath == sample.path)
    let begun = try sample.run(id)
    #expect(begun.summary.status == .running)
    #expect(begun.epochs.isEmpty)

    let follower = Follower()
    let end = try session.run([follower])
    #expect(end == .completed(reason: "all 3 epochs are done"))
    let run = try sample.run("first")
    #expect(run.id == id)
    #expect(run.summary.status == .completed)
    #expect(run.summary.recipe == "pytorch")
    #expect(run.summary.dataset == "shapes")
    #expect(run.summary.epochsPlanned == 3)
    #expect(run.datasetHash == (try Images.train()).contentHash)
    #expect(run.seed == 5)
    #expect(run.retention == .last(2))
    #expect(run.sessions.count == 1)
    #expect(run.sessions[0].reason == "all 3 epochs are done")
    #expect(run.sessions[0].resumedFrom == nil)
    let info = run.sessions[0].info
    #expect(info.libraryVersion == LibraryVersion.string)
    #expect(info.instructionSet == Kernels.current.name)
    #expect(info.threads == 1)
    #expect(info.commandLine == "cifar train")
    #expect(info.workingDirectory == FileManager.default.currentDirectoryPath)

    // What is stored is the complete set, with the data that it was trained on.
    let stored = try StateCoding.decode(
      Hyperparameters.self, from: run.hyperparameters, what: "hyperparameters")
    #expect(stored == session.trainer.hyperparameters)
    #expect(stored.data?.trainCount == 100)
    var withoutData = stored
    withoutData.data = nil
    var resolved = hyperparameters
    resolved.modelSpec = hyperparameters.modelSpec.resolved(for: hyperparameters.dialect)
    #expect(withoutData == resolved)
    #expect(run.model == (try StateCoding.encode(resolved.modelSpec)))
  }

  @Test func eachEpochHasItsRow() throws {
    let session = try sample.start()
    let follower = Follower()
    _ = try session.run([follower])
    let rows = try sample.run(session.runID).epochs
    #expect(rows.count == 3)
    for (row, report) in zip(rows, follower.reports) {
      let metrics = report.metrics
      #expect(
        row.essence == [
          Double(metrics.epoch), metrics.trainLoss, metrics.trainAccuracy, metrics.valLoss,
          metrics.valAccuracy, metrics.learningRate,
        ])
      #expect(row.seconds == metrics.seconds)
      // Stored without fractions.
      #expect(abs(row.imagesPerSecond - metrics.imagesPerSecond) <= 0.5)
    }
  }

  @Test func tagsAndCheckpointsOfEverySoManyEpochsAreKept() throws {
    var options = sample.options(keepLast: 1)
    options.tags = ["night", "try"]
    options.keepEvery = 2
    let session = try TrainingSession.start(
      train: try Images.train(), validation: try Images.test(), hyperparameters: .quick(epochs: 5),
      options: options)
    _ = try session.run([Follower()])
    let run = try sample.run(session.runID)
    #expect(run.summary.tags == ["night", "try"])
    #expect(Set(run.checkpoints.map(\.epoch)).isSuperset(of: [2, 4, 5]))
  }

  /// The row is there before anybody hears of the epoch.
  @Test func anEpochIsStoredBeforeItIsTold() throws {
    let session = try sample.start()
    let follower = Follower()
    let sample = sample
    var told: [Int] = []
    follower.onEpoch = { [unowned session] report in
      let run = try sample.run(session.runID)
      told.append(run.epochs.count)
      let last = try sample.registry().checkpoint(.last, of: run.id)
      #expect(last.epoch == report.metrics.epoch)
      #expect(last.step == 4 * report.metrics.epoch)
      #expect(last.isBest == report.isBest)
      #expect(try sample.bytes(.last, of: run.id) == Blob(try session.trainer.checkpoint()))
      return .proceed
    }
    _ = try session.run([follower])
    #expect(told == [1, 2, 3])
  }

  @Test func theBestAndTheLastCheckpointsStay() throws {
    let session = try sample.start(.quick(epochs: 5), keepLast: 1)
    let follower = Follower()
    _ = try session.run([follower])
    let losses = follower.reports.map(\.metrics.valLoss)
    let best = try #require(losses.indices.min { losses[$0] < losses[$1] }) + 1
    let checkpoints = try sample.run(session.runID).checkpoints
    #expect(checkpoints.map(\.epoch) == Array(Set([best, 5])).sorted())
    #expect(checkpoints.first { $0.isBest }?.epoch == best)

    let all = try Sample.undisturbed().run.checkpoints
    #expect(all.map(\.epoch) == [1, 2, 3])
    #expect(all.allSatisfy { $0.batch == 0 })
  }

  @Test func withoutARegistryNothingIsWritten() throws {
    let session = try TrainingSession.start(
      train: try Images.train(), validation: try Images.test(), hyperparameters: .quick(epochs: 1),
      options: TrainingSession.Options(registryPath: nil, threads: 1))
    #expect(session.runID == nil)
    #expect(session.registryPath == nil)
    let follower = Follower()
    #expect(try session.run([follower]) == .completed(reason: "all 1 epochs are done"))
    #expect(follower.reports.count == 1)
    #expect(sample.directory.contents.isEmpty)
  }

  @Test func whatCannotBeTrainedLeavesNoTrace() throws {
    var hyperparameters = try Hyperparameters.quick()
    hyperparameters.batchSize = 0
    #expect(failure { try sample.start(hyperparameters) }?.code == .invalidArgument)
    #expect(sample.directory.contents.isEmpty)
  }

  @Test func namesAndCountsOutOfRangeAreRefused() throws {
    #expect(failure { try sample.start(name: "two\nlines") }?.code == .invalidArgument)
    #expect(failure { try sample.start(name: "") }?.code == .invalidArgument)
    #expect(failure { try sample.start(keepLast: -1) }?.code == .invalidArgument)
    #expect(sample.directory.contents.isEmpty)
  }

  @Test func imagesFromMemoryAreCalledSo() throws {
    let session = try TrainingSession.start(
      train: try Images.train().prefix(32), validation: try Images.test().prefix(10),
      hyperparameters: .quick(epochs: 1), options: sample.options())
    _ = try session.run([Follower()])
    #expect(try sample.run(session.runID).summary.dataset == "memory")
    let error = failure {
      try TrainingSession.resume(run: session.runID ?? "", options: sample.options())
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("memory") == true)
  }
}
