import CifarCore
import CifarData
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

/// Trainings by several processes against one by a single process. No tolerance.
@Suite struct PeerTests {
  /// What a process comes to.
  struct Outcome {
    let training: Training
    let essence: Essence
  }

  /// Trains with others, from the state of the first.
  private static func train(
    _ rank: Int, _ peers: Peers, threads: Int = 1, stopsAfter: (epoch: Int, batch: Int)? = nil,
    onBatch: ((Trainer, BatchProgress) throws -> Void)? = nil,
    alongside: [any TrainerObserver] = [], _ first: () throws -> Trainer
  ) throws -> Outcome {
    let meeting = TrainerMeeting(peers)
    let begun = rank == 0 ? try first() : nil
    _ = try meeting.introduce(
      PeerIdentity(
        version: "1", instructionSet: "any", sharesBatchNorm: peers.sharesBatchNorm,
        host: "host \(rank)"))
    let state = try meeting.distribute(begun?.checkpoint() ?? [])
    let trainer = try begun ?? resumed(Blob(state), train: 70, test: 20, threads: threads)
    try trainer.share(with: meeting)
    try meeting.confirm()
    let follower = Follower(trainer, stopsAfter: stopsAfter)
    follower.onBatch = { [unowned follower] in
      if let progress = follower.batches.last { try onBatch?(trainer, progress) }
    }
    let end = try trainer.run([follower] + alongside)
    return Outcome(
      training: Training(trainer: trainer, follower: follower, end: end),
      essence: try Essence(trainer.checkpoint()))
  }

  private static func first(_ hyperparameters: Hyperparameters, threads: Int = 1) throws -> Trainer
  {
    try Trainer(
      hyperparameters: hyperparameters, train: try Images.train(70),
      validation: try Images.test(20), threads: threads)
  }

  private static func hyperparameters(_ overrides: String...) throws -> Hyperparameters {
    var hyperparameters = try Hyperparameters.quick(epochs: 2)
    for text in overrides { try hyperparameters.apply(overrides: text) }
    return hyperparameters
  }

  /// Of every option, alone and in company. The last batch has 6 images: of 8 processes some have
  /// none.
  @Test(arguments: ResumeEverythingTests.cases.indices) func sameBits(index: Int) throws {
    var hyperparameters = try Hyperparameters.quick(Recipe.names[index % 3], epochs: 2)
    for overrides in ResumeEverythingTests.cases[index] {
      try hyperparameters.apply(overrides: overrides)
    }
    let fixed = hyperparameters
    let whole: Result<Training, any Error> = Result {
      try Training(fixed, train: 70, test: 20)
    }
    let ranks = [2, 4, 8][index % 3]
    let outcomes = PeerRoom(ranks).run { rank, peers in
      try Self.train(rank, peers, threads: 1 + rank % 2) { try Self.first(fixed) }
    }
    switch whole {
    case .failure(let error):
      for outcome in outcomes {
        let thrown = #expect(throws: CifarError.self) { try outcome.get() }
        #expect(thrown == error as? CifarError)
      }
    case .success(let whole):
      let expected = try Essence(whole.trainer.checkpoint())
      for outcome in outcomes {
        let outcome = try outcome.get()
        let training = outcome.training
        #expect(training.end == whole.end)
        #expect(outcome.essence == expected, "\(ranks) of \(ResumeEverythingTests.cases[index])")
        #expect(training.follower.checkpoints == whole.follower.checkpoints)
        #expect(
          training.follower.batches.map(\.loss.bitPattern)
            == whole.follower.batches.map(\.loss.bitPattern))
        #expect(
          training.follower.reports.map(\.metrics.valLoss.bitPattern)
            == whole.follower.reports.map(\.metrics.valLoss.bitPattern))
      }
    }
  }

  /// Another number of processes: they agree with each other, and their threads do not matter.
  @Test(arguments: [3, 5]) func otherNumbers(ranks: Int) throws {
    let hyperparameters = try Self.hyperparameters()
    let runs = try (1...2).map { threads in
      try PeerRoom(ranks).run { rank, peers in
        try Self.train(rank, peers, threads: threads) {
          try Self.first(hyperparameters, threads: threads)
        }.essence
      }.map { try $0.get() }
    }
    #expect(Set(runs.joined().map(\.bits)).count == 1)
  }

  /// Each process takes the moments of its own images: other numbers, but the same weights
  /// everywhere, and the statistics of the first.
  @Test func localBatchNorm() throws {
    let hyperparameters = try Self.hyperparameters()
    func train() throws -> [Outcome] {
      try PeerRoom(4).run(sharesBatchNorm: false) { rank, peers in
        try Self.train(rank, peers) { try Self.first(hyperparameters) }
      }.map { try $0.get() }
    }
    let outcomes = try train()
    let whole = try Training(hyperparameters, train: 70, test: 20)
    #expect(try outcomes[0].essence != Essence(whole.trainer.checkpoint()))
    #expect(try train()[0].essence == outcomes[0].essence)
    for outcome in outcomes {
      for (name, pair) in zip(
        outcome.essence.names, zip(outcome.essence.bits, outcomes[0].essence.bits))
      where !name.contains("running") {
        #expect(pair.0 == pair.1, "\(name)")
      }
      #expect(
        outcome.training.follower.reports.map(\.metrics.valLoss)
          == outcomes[0].training.follower.reports.map(\.metrics.valLoss))
    }
  }

  /// Interrupted in one process, or stopped by an observer of one, all end with the same batch, and what
  /// is continued in another number of processes comes to the same bits.
  @Test(arguments: [false, true], [(1, 1), (1, 3), (2, 2)])
  func endsTogetherAndGoesOn(isInterrupt: Bool, place: (epoch: Int, batch: Int)) throws {
    let hyperparameters = try Self.hyperparameters()
    let whole = try Training(hyperparameters, train: 70, test: 20)
    let outcomes = try PeerRoom(4).run { rank, peers in
      try Self.train(
        rank, peers, stopsAfter: rank == 2 && !isInterrupt ? place : nil,
        onBatch: { trainer, progress in
          if rank == 2, isInterrupt, (progress.epoch, progress.batch) == place {
            trainer.interrupt()
          }
        }, { try Self.first(hyperparameters) })
    }.map { try $0.get() }
    for outcome in outcomes {
      #expect(outcome.training.end == (isInterrupt ? .interrupted : .stopped))
      #expect(outcome.essence == outcomes[0].essence)
      #expect(
        (outcome.training.trainer.epoch, outcome.training.trainer.batch) == (
          place.epoch - 1, place.batch
        ))
    }
    let left = try outcomes[0].training.trainer.blob()
    for ranks in [1, 2, 8] {
      let rest = try PeerRoom(ranks).run { rank, peers in
        try Self.train(rank, peers) { try resumed(left, train: 70, test: 20) }
      }.map { try $0.get() }
      for outcome in rest {
        #expect(try outcome.essence == Essence(whole.trainer.checkpoint()))
      }
    }
  }

  /// One process fails between two batches, after an epoch, or while it validates: it says why, and the
  /// others hear it.
  @Test(arguments: [0, 2]) func oneFails(failing: Int) throws {
    let hyperparameters = try Self.hyperparameters()
    for batch in [1, 3] {
      let outcomes = PeerRoom(3).run { rank, peers in
        try Self.train(
          rank, peers,
          onBatch: { _, progress in
            if rank == failing, progress.batch == batch { throw CifarError(.diskFull, "no space") }
          }, { try Self.first(hyperparameters) })
      }
      for (rank, outcome) in outcomes.enumerated() {
        let error = #expect(throws: CifarError.self) { try outcome.get() }
        #expect(error?.code == (rank == failing ? .diskFull : .peer))
        #expect(error?.message.contains("no space") == true)
        #expect(rank == failing || error?.message.contains("process \(failing) of 3") == true)
      }
    }
  }

  private final class FailsAtTheEnd: TrainerObserver {
    func observe(_ event: TrainingEvent) throws -> TrainerAnswer {
      if case .trainEnd = event { throw CifarError(.diskFull, "no space") }
      return .proceed
    }
  }

  /// One process fails when all epochs are done.
  @Test func oneFailsAtTheEnd() throws {
    let hyperparameters = try Self.hyperparameters()
    let outcomes = PeerRoom(3).run { rank, peers in
      try Self.train(rank, peers, alongside: rank == 1 ? [FailsAtTheEnd()] : []) {
        try Self.first(hyperparameters)
      }
    }
    for (rank, outcome) in outcomes.enumerated() {
      let error = #expect(throws: CifarError.self) { try outcome.get() }
      #expect(error?.code == (rank == 1 ? .diskFull : .peer))
    }
  }

  /// Wherever the transport fails, nobody waits for ever, and all say so.
  @Test(arguments: [1, 2, 4, 5, 9, 20, 41, 60]) func theTransportFails(call: Int) throws {
    let hyperparameters = try Self.hyperparameters()
    let outcomes = PeerRoom(3, failure: (1, call)).run { rank, peers in
      try Self.train(rank, peers) { try Self.first(hyperparameters) }
    }
    for outcome in outcomes {
      let error = #expect(throws: CifarError.self) { try outcome.get() }
      #expect(error?.code == .peer)
    }
  }

  /// Training that diverges does so in all of them.
  @Test func notANumber() throws {
    let hyperparameters = try Self.hyperparameters(
      #"{"learning_rate":1e30,"optimizer":"sgd"}"#)
    let outcomes = PeerRoom(2).run { rank, peers in
      try Self.train(rank, peers) { try Self.first(hyperparameters) }
    }
    for outcome in outcomes {
      let error = #expect(throws: CifarError.self) { try outcome.get() }
      #expect(error?.code == .notFinite)
    }
  }

  /// A rate that the first process sets is everybody's; one that another sets is not.
  @Test func theFirstSetsTheRate() throws {
    let hyperparameters = try Self.hyperparameters()
    let outcomes = try PeerRoom(2).run { rank, peers in
      try Self.train(
        rank, peers,
        onBatch: { trainer, progress in
          if progress.batch == 2 { try trainer.setLearningRate(rank == 0 ? 1e-4 : 3) }
        }, { try Self.first(hyperparameters) })
    }.map { try $0.get() }
    #expect(outcomes[0].essence == outcomes[1].essence)
    #expect(outcomes[1].training.follower.batches.last?.learningRate == 1e-4)
  }

  @Test func whatDoesNotFitTogether() throws {
    let outcomes = PeerRoom(3).run { rank, peers in
      try TrainerMeeting(peers).introduce(
        PeerIdentity(
          version: "1", instructionSet: rank == 2 ? "avx2" : "avx512", sharesBatchNorm: true,
          host: "h\(rank)"))
    }
    for outcome in outcomes {
      let error = #expect(throws: CifarError.self) { try outcome.get() }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains("avx2 in process 2") == true)
    }
    let hosts = PeerRoom(2).run { rank, peers in
      try TrainerMeeting(peers).introduce(
        PeerIdentity(
          version: "1", instructionSet: "any", sharesBatchNorm: true, host: "h\(rank)"))
    }
    #expect(try hosts.map { try $0.get() } == [["h0", "h1"], ["h0", "h1"]])
  }
}
