import CheckpointFormat
import CifarCore
import CifarRegistry
import Foundation
import TestSupport
import Testing

@testable import Cifar
@testable import CifarTraining

@Suite struct FailureTests {
  let sample: Sample

  init() throws { sample = try Sample() }

  private struct Unhappy: Error, CustomStringConvertible {
    var description: String { "the observer is unhappy" }
  }

  @Test func anObserversErrorFailsTheRun() throws {
    let session = try sample.start()
    let follower = Follower()
    follower.onBatch = { if $0.epoch == 2, $0.batch == 3 { throw Unhappy() } else { .proceed } }
    #expect(throws: Unhappy.self) { try session.run([follower]) }
    let run = try sample.run(session.runID)
    #expect(run.summary.status == .failed)
    #expect(run.sessions[0].reason == "the observer is unhappy")
    // What was recorded before stays, and the run can be taken up from there.
    #expect(run.epochs.count == 1)
    _ = try sample.resume(run.id).run([Follower()])
    #expect(try sample.bytes(.last, of: run.id) == (try Sample.undisturbed()).last)
  }

  @Test func anErrorAtTheEndOfAnEpochComesAfterItsRow() throws {
    let session = try sample.start()
    let follower = Follower()
    follower.onEpoch = { _ in throw Unhappy() }
    #expect(throws: Unhappy.self) { try session.run([follower]) }
    let run = try sample.run(session.runID)
    #expect(run.summary.status == .failed)
    #expect(run.epochs.count == 1)
    #expect(run.checkpoints.count == 1)
  }

  @Test func aLossThatIsNoNumberFailsTheRun() throws {
    var hyperparameters = try Hyperparameters.quick()
    hyperparameters.optimizer.learningRate = 1e30
    let session = try sample.start(hyperparameters)
    let error = failure { try session.run([Follower()]) }
    #expect(error?.code == .notFinite)
    let run = try sample.run(session.runID)
    #expect(run.summary.status == .failed)
    #expect(run.sessions[0].reason == error?.message)
    #expect(run.sessions[0].reason.contains("learning rate"))
    #expect(run.epochs.isEmpty)
    #expect(run.checkpoints.isEmpty)
    #expect(failure { try sample.resume(run.id) }?.code == .notFound)
  }

  @Test func aRunThatWasTakenOverWritesNothingMore() throws {
    let session = try sample.start()
    let follower = Follower()
    let sample = sample
    var second: RunSession?
    follower.onEpoch = { [unowned session] _ in
      second = try sample.registry().resumeRun(
        session.runID ?? "",
        session: SessionInfo(libraryVersion: "1", instructionSet: "x", threads: 1), takeOver: true)
      return .proceed
    }
    let error = failure { try session.run([follower]) }
    #expect(error?.code == .busy)
    #expect(error?.message.contains("taken over") == true)
    // The run belongs to the other: it is neither failed nor longer than it was.
    let run = try sample.run(session.runID)
    #expect(run.summary.status == .running)
    #expect(run.epochs.count == 1)
    try second?.finish(status: .stopped, reason: "")
  }

  // MARK: Registries that can't be written

  private func expectRefused(
    _ path: String, _ code: CifarError.Code, at location: SourceLocation = #_sourceLocation
  ) throws {
    let error = failure {
      try TrainingSession.start(
        train: try Images.train(), validation: try Images.test(), hyperparameters: .quick(),
        options: .init(registryPath: path, threads: 1))
    }
    #expect(error?.code == code, "\(error?.message ?? "no error")", sourceLocation: location)
    #expect(error?.message.contains(path) == true, sourceLocation: location)
  }

  @Test func aDirectoryThatIsNotThereIsNamed() throws {
    let error = failure {
      try TrainingSession.start(
        train: try Images.train(), validation: try Images.test(), hyperparameters: .quick(),
        options: .init(registryPath: sample.directory.file("none/runs.db"), threads: 1))
    }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains(sample.directory.file("none")) == true)
  }

  @Test func aForeignFileIsLeftAlone() throws {
    let path = sample.directory.file("letter.txt")
    try FileWriter.write(
      Array("Dear Sir or Madam, ".utf8) + .init(repeating: 7, count: 900), to: path,
      as: .checkpoint)
    let before = try File.contents(of: path)
    try expectRefused(path, .foreignDatabase)
    #expect(try File.contents(of: path) == before)
    #expect(sample.directory.contents == ["letter.txt"])
  }

  @Test func whereNoFileCanBeIsRefused() throws {
    for path in [sample.directory.path, "/proc/cifar-runs.db"] {
      let error = failure {
        try TrainingSession.start(
          train: try Images.train(), validation: try Images.test(), hyperparameters: .quick(),
          options: .init(registryPath: path, threads: 1))
      }
      #expect(error != nil)
      #expect(error?.message.contains(path) == true)
    }
  }
}
