import CifarCore
import CifarData
import CifarRegistry
import TestSupport
import Testing

@testable import Cifar
@testable import CifarRegistry
@testable import CifarTraining

@Suite struct ResumeTests {
  let sample: Sample

  init() throws { sample = try Sample() }

  /// A run that ended after this batch of the second epoch.
  private func interrupted(after batch: Int) throws -> String {
    let session = try sample.start()
    let follower = Follower()
    follower.onBatch = { [unowned session] progress in
      if progress.epoch == 2, progress.batch == batch { session.interrupt() }
      return .proceed
    }
    #expect(try session.run([follower]) == .interrupted)
    return try #require(session.runID)
  }

  private func expectSameAsUndisturbed(
    _ id: String, at location: SourceLocation = #_sourceLocation
  ) throws {
    let undisturbed = try Sample.undisturbed()
    let run = try sample.run(id)
    #expect(run.summary.status == .completed, sourceLocation: location)
    #expect(
      run.epochs.map(\.essence) == undisturbed.run.epochs.map(\.essence), sourceLocation: location)
    let last = try sample.bytes(.last, of: id)
    #expect(last == undisturbed.last, sourceLocation: location)
    #expect(
      run.checkpoints.last?.sha256 == undisturbed.run.checkpoints.last?.sha256,
      sourceLocation: location)
  }

  @Test(arguments: [1, 3, 4]) func anInterruptedRunGoesOnToTheSameBits(batch: Int) throws {
    let id = try interrupted(after: batch)
    let stopped = try sample.run(id)
    #expect(stopped.summary.status == .interrupted)
    #expect(stopped.sessions[0].reason == "interrupted in epoch 2 after batch \(batch)")
    #expect(stopped.checkpoints.last?.epoch == 1)
    #expect(stopped.checkpoints.last?.batch == batch)
    #expect(stopped.checkpoints.last?.step == 4 + batch)

    let session = try sample.resume(id, threads: 2)
    #expect(session.runID == id)
    #expect(try session.run([Follower()]) == .completed(reason: "all 3 epochs are done"))
    try expectSameAsUndisturbed(id)
    let sessions = try sample.run(id).sessions
    #expect(sessions.count == 2)
    #expect(sessions[1].resumedFrom == SessionRow.Position(epoch: 1, batch: batch))
  }

  @Test func aRunInterruptedBeforeItsFirstBatchGoesOn() throws {
    let session = try sample.start()
    session.interrupt()
    #expect(try session.run([Follower()]) == .interrupted)
    let id = try #require(session.runID)
    #expect(try sample.run(id).checkpoints.map(\.step) == [0])
    _ = try sample.resume(id).run([Follower()])
    try expectSameAsUndisturbed(id)
  }

  @Test func aRunInterruptedWhileValidatingGoesOn() throws {
    let session = try sample.start()
    let follower = Follower()
    follower.onValidation = { [unowned session] in session.interrupt() }
    #expect(try session.run([follower]) == .interrupted)
    let id = try #require(session.runID)
    #expect(try sample.run(id).epochs.isEmpty)
    _ = try sample.resume(id).run([Follower()])
    try expectSameAsUndisturbed(id)
  }

  @Test func aRunStoppedByItsObserverGoesOn() throws {
    let session = try sample.start()
    let follower = Follower()
    follower.onBatch = { $0.batch == 2 ? .stop : .proceed }
    #expect(try session.run([follower]) == .stopped)
    let id = try #require(session.runID)
    #expect(try sample.run(id).summary.status == .stopped)

    // Now at the end of an epoch: its checkpoint says it all.
    let second = Follower()
    second.onEpoch = { _ in .stop }
    #expect(try sample.resume(id).run([second]) == .stopped)
    #expect(try sample.run(id).checkpoints.map(\.step) == [2, 4])
    _ = try sample.resume(id).run([Follower()])
    try expectSameAsUndisturbed(id)
  }

  @Test func anOlderCheckpointLeadsToTheSameEnd() throws {
    let session = try sample.start(keepLast: 0)
    _ = try session.run([Follower()])
    let id = try #require(session.runID)
    let first = try #require(try sample.run(id).checkpoints.first)
    let again = try sample.resume(id, .id(first.id))
    // Nothing of its history has changed yet.
    #expect(try sample.run(id).epochs.count == 3)
    #expect(again.trainer.epoch == 1)
    _ = try again.run([Follower()])
    try expectSameAsUndisturbed(id)
    let run = try sample.run(id)
    #expect(run.sessions[1].resumedFrom == SessionRow.Position(epoch: 1, batch: 0))
    #expect(run.checkpoints.map(\.isSuperseded) == [false, true, true, false, false])
    // Trained a second time, to the same bits.
    #expect(run.checkpoints[1].sha256 == run.checkpoints[3].sha256)
    #expect(run.checkpoints[2].sha256 == run.checkpoints[4].sha256)
  }

  @Test func theBestCheckpointCanBeTakenUp() throws {
    let session = try sample.start(keepLast: 1)
    _ = try session.run([Follower()])
    let best = try sample.registry().checkpoint(.best, of: session.runID ?? "")
    let again = try sample.resume(session.runID ?? "", .best)
    #expect(again.trainer.epoch == best.epoch)
    #expect(again.trainer.step == best.step)
    _ = try again.run([Follower()])
    try expectSameAsUndisturbed(session.runID ?? "")
  }

  @Test func moreEpochsCanBeAskedFor() throws {
    let session = try sample.start(.quick(epochs: 1))
    _ = try session.run([Follower()])
    let id = try #require(session.runID)
    _ = try sample.resume(id, epochs: 3).run([Follower()])
    #expect(try sample.run(id).summary.epochsPlanned == 3)
    try expectSameAsUndisturbed(id)
  }

  @Test func aPartOfAnEpochCanBeAskedFor() throws {
    let session = try sample.start(.quick(epochs: 1), keepLast: 0)
    _ = try session.run([Follower()])
    let id = try #require(session.runID)
    _ = try sample.resume(id, epochs: 1.5).run([Follower()])
    #expect(try sample.run(id).sessions.last?.reason == "all 1.5 epochs are done")
    #expect(try sample.bytes(.last, of: id) != sample.bytes(.id(1), of: id))
    let further = try sample.resume(id, epochs: 1.75)
    #expect(
      further.remarks.first?.contains(
        "1.5 epochs ended within epoch 2, which is trained again, further, from checkpoint") == true
    )
    _ = try further.run([Follower()])
    #expect(try sample.run(id).summary.epochsPlanned == 2)
    #expect(further.trainer.step == 7)
    _ = try sample.resume(id, epochs: 3).run([Follower()])
    try expectSameAsUndisturbed(id)
    for epochs in [-1, .nan, 1e300] {
      let error = failure { try sample.resume(id, epochs: epochs) }
      #expect(error?.message.hasSuffix("is not above 0, up to 1000000") == true)
    }
  }

  /// Patience starts over, and what has to be beaten stays.
  @Test func aRunThatStoppedEarlyTrainsOnWhereEpochsAreAskedFor() throws {
    var hyperparameters = try Hyperparameters.quick(epochs: 9)
    hyperparameters.callbacks = [
      CallbackSpec(
        EarlyStopping.Options(
          dialect: .pytorch, monitor: .valLoss, patience: 2, minDelta: 100,
          restoreBestWeights: true))
    ]
    let session = try sample.start(hyperparameters)
    _ = try session.run([Follower()])
    let id = try #require(session.runID)
    let first = try sample.run(id)
    #expect(first.epochs.count == 3)
    #expect(first.sessions[0].reason.hasPrefix("early stopping"))
    // Without a number of epochs it is over.
    _ = try sample.resume(id).run([Follower()])
    #expect(try sample.run(id).epochs.count == 3)
    _ = try sample.resume(id, epochs: 9).run([Follower()])
    #expect(try sample.run(id).epochs.count == 5)
    _ = try sample.resume(id, epochs: 6).run([Follower()])
    let last = try sample.run(id)
    #expect(last.epochs.count == 6 && last.summary.epochsPlanned == 6)
    #expect(last.sessions.last?.reason == "all 6 epochs are done")
    #expect(last.epochs.prefix(3).map(\.essence) == first.epochs.map(\.essence))
  }

  @Test func fewerEpochsThanAreDoneAreRefused() throws {
    let id = try interrupted(after: 2)
    let error = failure { try sample.resume(id, epochs: 1) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("epochs 1 is fewer") == true)
    #expect(
      error?.message.contains("within epoch 2, after 2 of 4 batches; give at least 2") == true)
    #expect(try sample.run(id).sessions.count == 1)
    #expect(try sample.run(id).summary.epochsPlanned == 3)
    // The epoch under way is the last one then.
    _ = try sample.resume(id, epochs: 2).run([Follower()])
    #expect(try sample.run(id).epochs.count == 2)
    #expect(failure { try sample.resume(id, epochs: 1) }?.code == .invalidArgument)
  }

  @Test func aScheduleThatJumpsSaysSo() throws {
    for (schedule, jumps) in [
      (LearningRateSchedule(CosineDecay(steps: nil)), true),
      (LearningRateSchedule(CosineDecay(steps: 9)), false),
      (LearningRateSchedule(StepDecay(size: 1, gamma: 0.5)), false),
    ] {
      var hyperparameters = try Hyperparameters.quick(epochs: 2)
      hyperparameters.schedule = schedule
      let session = try sample.start(hyperparameters)
      _ = try session.run([Follower()])
      let same = try sample.resume(session.runID ?? "")
      #expect(same.remarks == [])
      _ = try same.run([Follower()])
      let further = try sample.resume(session.runID ?? "", epochs: 4)
      #expect(further.remarks.count == (jumps ? 1 : 0))
      if jumps {
        #expect(further.remarks[0].contains("'cosine' is stretched from 2 to 4 epochs"))
        #expect(further.remarks[0].contains("continues with 0.0005, not 0"))
      }
      _ = try further.run([Follower()])
      #expect(try sample.run(session.runID).notes.map(\.text) == further.remarks)
    }
  }

  @Test func anotherInstructionSetSaysThatTheBitsWillDiffer() throws {
    let id = try interrupted(after: 2)
    try sample.registry().locked { try $0.execute("UPDATE sessions SET instruction_set = 'mmx'") }
    let session = try sample.resume(id)
    #expect(session.remarks.count == 1)
    #expect(session.remarks[0].contains("instruction set mmx, and continues with"))
    _ = try session.run([Follower()])
    // An import does not know what its file was computed with.
    let other = try interrupted(after: 2)
    try sample.registry().locked { try $0.execute("UPDATE sessions SET instruction_set = ''") }
    #expect(try sample.resume(other).remarks == [])
  }

  @Test func whereNothingWasEverTheBestTheReasonIsTold() throws {
    var hyperparameters = try Hyperparameters.quick(epochs: 1)
    hyperparameters.optimizer.learningRate = 1e30
    hyperparameters.stepsPerEpoch = 1
    let session = try sample.start(hyperparameters)
    _ = try session.run([Follower()])
    #expect(try sample.run(session.runID).summary.status == .completed)
    let error = failure {
      try Model(registryPath: sample.path, run: session.runID ?? "", threads: 1)
    }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("no epoch's validation loss was a finite number") == true)
  }

  /// Another process takes the run up, trains it and ends, while this one opens its images.
  @Test func whatIsTheLastIsDecidedWhenTheRunIsOurs() throws {
    let id = try interrupted(after: 2)
    let registry = try sample.registry()
    let point = try ResumePoint(.last, of: id, in: registry)
    let other = try sample.resume(id)
    let follower = Follower()
    follower.onEpoch = { _ in .stop }
    _ = try other.run([follower])
    #expect(throws: MovedCheckpoint.self) {
      try registry.resumeRun(
        id, from: .id(point.row.id),
        session: SessionInfo(libraryVersion: "1", instructionSet: "", threads: 1),
        chosen: point.chosen)
    }
    _ = try sample.resume(id).run([Follower()])
    try expectSameAsUndisturbed(id)
  }

  /// What is no damage is no reason for an older checkpoint.
  @Test func aLockIsNoDamage() throws {
    let id = try interrupted(after: 2)
    let holder = try sample.registry()
    let registry = try Registry(
      path: sample.path, mode: .readWrite(create: false), busyTimeout: 0)
    try holder.locked { try $0.execute("BEGIN EXCLUSIVE") }
    let error = failure { try ResumePoint(.last, of: id, in: registry) }
    #expect(error?.code == .busy && error?.isTransient == true)
    try holder.locked { try $0.execute("ROLLBACK") }
    #expect(try ResumePoint(.last, of: id, in: registry).remarks == [])
  }

  @Test func theImagesAreFoundWhereTheRunHadThem() throws {
    let id = try interrupted(after: 2)
    let session = try TrainingSession.resume(run: id, options: sample.options())
    #expect(session.trainer.trainCount == 100)
    _ = try session.run([Follower()])
    try expectSameAsUndisturbed(id)
  }

  @Test func imagesFromMemoryCanBeHandedOverAgain() throws {
    let train = try Images.train().prefix(100)
    let session = try TrainingSession.start(
      train: train, validation: try Images.test().prefix(40), hyperparameters: .quick(),
      options: sample.options())
    let follower = Follower()
    follower.onBatch = { $0.batch == 2 ? .stop : .proceed }
    _ = try session.run([follower])
    let id = try #require(session.runID)
    let again = try TrainingSession.resume(
      run: id, train: train, validation: try Images.test().prefix(40), options: sample.options())
    _ = try again.run([Follower()])
    let rows = try sample.run(id).epochs
    #expect(rows.map(\.essence) == (try Sample.undisturbed()).run.epochs.map(\.essence))
  }

  // MARK: What can't be resumed

  private func expectRefused(
    _ run: String, _ code: CifarError.Code, _ choice: CheckpointChoice = .last,
    train: Dataset? = nil, location: String? = nil, at source: SourceLocation = #_sourceLocation
  ) -> String {
    let error = failure {
      try TrainingSession.resume(
        run: run, checkpoint: choice, train: train, location: location,
        options: sample.options())
    }
    #expect(error?.code == code, "\(error?.message ?? "no error")", sourceLocation: source)
    return error?.message ?? ""
  }

  @Test func otherImagesAreRefused() throws {
    let id = try interrupted(after: 2)
    let other = try Images.train().prefix(64)
    let message = expectRefused(id, .shapeMismatch, train: other)
    #expect(message.contains("training images (64 of 'memory')"))
    // The run is as it was.
    #expect(try sample.run(id).sessions.count == 1)
    _ = try sample.resume(id).run([Follower()])
    try expectSameAsUndisturbed(id)
  }

  @Test func aPlaceWithoutImagesIsNamed() throws {
    let id = try interrupted(after: 2)
    let message = expectRefused(id, .notFound, location: sample.directory.file("elsewhere"))
    #expect(message.contains(sample.directory.file("elsewhere")))
  }

  @Test func aDamagedCheckpointIsPassedOver() throws {
    let id = try interrupted(after: 2)
    let registry = try sample.registry()
    let last = try registry.checkpoint(.last, of: id)
    try registry.locked {
      try $0.execute(
        """
        UPDATE blob_chunks
        SET data = CAST(substr(data, 1, 999) || x'a5a5a5a5a5a5a5a5' || substr(data, 1008) AS BLOB)
        WHERE blob = (SELECT max(blob) FROM blob_chunks)
        """)
    }
    let refusal = failure { try sample.resume(id, .id(last.id)) }
    #expect(refusal?.code == .checksumMismatch)
    #expect(refusal?.message.contains("checkpoint \(last.id)") == true)
    // The one before is whole.
    let session = try sample.resume(id)
    #expect(session.remarks.count == 1 && session.remarks[0].contains("checkpoint \(last.id) "))
    _ = try session.run([Follower()])
    try expectSameAsUndisturbed(id)
    #expect(try sample.run(id).notes.map(\.text) == session.remarks)
  }

  @Test func whereAllCheckpointsAreDamagedNothingIsResumed() throws {
    let id = try interrupted(after: 2)
    let registry = try sample.registry()
    try registry.locked { try $0.execute("UPDATE blob_chunks SET data = zeroblob(length(data))") }
    #expect(failure { try sample.resume(id) }?.code == .checksumMismatch)
    #expect(try sample.run(id).summary.status != .running)
  }

  @Test func whatIsNotThereIsNamed() throws {
    let id = try interrupted(after: 2)
    #expect(expectRefused("ffffffff-0", .notFound).contains("ffffffff-0"))
    #expect(expectRefused(id, .notFound, .id(999)).contains("999"))
    let nowhere = failure {
      try TrainingSession.resume(
        run: id, options: .init(registryPath: sample.directory.file("other.db"), threads: 1))
    }
    #expect(nowhere?.code == .notFound)
    #expect(sample.directory.contents == ["runs.db"])
    let none = failure {
      try TrainingSession.resume(run: id, options: .init(registryPath: nil, threads: 1))
    }
    #expect(none?.code == .invalidArgument)
  }

  @Test func aRunningRunIsBusy() throws {
    let id = try interrupted(after: 2)
    let session = try sample.resume(id)
    #expect(expectRefused(id, .busy).contains("running"))
    _ = try session.run([Follower()])
    try expectSameAsUndisturbed(id)
  }
}
