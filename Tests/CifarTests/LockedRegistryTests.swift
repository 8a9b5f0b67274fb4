import CifarCore
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Cifar
@testable import CifarRegistry
@testable import CifarTraining

/// Trainings while others hold a lock on the registry.
@Suite struct LockedRegistryTests {
  let sample: Sample

  init() throws { sample = try Sample() }

  /// Another program that has the registry open.
  private final class Holder: Sendable {
    private let registry: Registry
    private let holds = Mutex(true)

    init(_ sample: Sample) throws { registry = try sample.registry() }

    /// As a reader that stays within its transaction.
    func read() throws {
      try registry.locked { try $0.execute("BEGIN; SELECT count(*) FROM runs") }
    }
    func write() throws { try registry.locked { try $0.execute("BEGIN EXCLUSIVE") } }
    func letGo() throws {
      let held = holds.withLock { holds in
        defer { holds = false }
        return holds
      }
      if held { try registry.locked { try $0.execute("ROLLBACK") } }
    }
  }

  private func start(
    epochs: Int = 3, busyTimeout: Double = 600, name: String? = nil
  ) throws -> TrainingSession {
    var options = sample.options(name: name)
    options.busyTimeout = busyTimeout
    options.silence = 1
    return try TrainingSession.start(
      train: try Images.train(), validation: try Images.test(),
      hyperparameters: try .quick(epochs: epochs), options: options)
  }

  private func expectUndisturbed(
    _ id: String?, epochs: Int = 3, at location: SourceLocation = #_sourceLocation
  ) throws {
    let undisturbed = try Sample.undisturbed(epochs: epochs)
    let run = try sample.run(id)
    #expect(
      run.epochs.map(\.essence) == undisturbed.run.epochs.map(\.essence), sourceLocation: location)
    #expect(try sample.bytes(.last, of: id) == undisturbed.last, sourceLocation: location)
    #expect(run.summary.status == .completed, sourceLocation: location)
    #expect(try sample.registry().verify() == [], sourceLocation: location)
  }

  /// The lock comes in the first epoch and goes when the end has waited for a while.
  @Test(arguments: [false, true]) func whatALockKeepsOutIsStoredWhenItGoes(reads: Bool) throws {
    let session = try start()
    let holder = try Holder(sample)
    let follower = Follower()
    follower.onBatch = { progress in
      if progress.epoch == 1, progress.batch == 1 {
        try reads ? holder.read() : holder.write()
      }
      return .proceed
    }
    var epochsWaiting: [Int] = []
    follower.onDelay = { [unowned follower] delay in
      if delay.secondsLeft == nil { return .proceed }
      epochsWaiting.append(delay.epochs)
      #expect(follower.stored.isEmpty)
      // The one beside the registry is for whoever is killed meanwhile.
      if sample.directory.contents.count > 1, delay.seconds > 1.5 { try holder.letGo() }
      return .proceed
    }
    #expect(try session.run([follower]) == .completed(reason: "all 3 epochs are done"))
    #expect(!epochsWaiting.isEmpty && epochsWaiting.allSatisfy { $0 == 3 })
    #expect(follower.stored == [1, 2, 3])
    try expectUndisturbed(session.runID)
    let run = try sample.run(session.runID)
    #expect(run.evaluation != nil)
    // Of the checkpoints that waited the newest and the best stayed.
    #expect(run.checkpoints.last?.epoch == 3)
    #expect(run.checkpoints.filter(\.isBest).count == 1)
    #expect(sample.directory.contents == ["runs.db"])
  }

  @Test func whereTheEndCannotBeWrittenAFileHasIt() throws {
    let session = try start(busyTimeout: 0.3, name: "held")
    let id = try #require(session.runID)
    let holder = try Holder(sample)
    let follower = Follower()
    follower.onBatch = { progress in
      if progress.epoch == 2, progress.batch == 1 { try holder.read() }
      return .proceed
    }
    let error = failure { try session.run([follower]) }
    #expect(error?.code == .busy)
    let message = error?.message ?? ""
    #expect(follower.stored == [1])
    let file = sample.path + ".run-\(id.prefix(8)).safetensors"
    #expect(message.contains("cifar-runs import '\(file)' --registry '\(sample.path)'"))
    try holder.letGo()
    // It is a checkpoint like any other, with the bits of the undisturbed run.
    #expect(try Model(file: file, threads: 1).epoch == 3)

    let info = SessionInfo(libraryVersion: "1", instructionSet: "", threads: 0)
    let registry = try sample.registry()
    #expect(try RunImport.run(file, to: { registry }, session: info) == .completed(id))
    try expectUndisturbed(id)
    #expect(try sample.run(id).sessions.map(\.reason) == ["all 3 epochs are done"])
    #expect(try RunImport.run(file, to: { registry }, session: info) == .known(id))
    #expect(try registry.runs().count == 1)

    // Elsewhere it is a run of its own, with all that the file knows.
    let other = try Registry(
      path: sample.directory.file("other.db"), mode: .readWrite(create: true))
    let imported = try RunImport.run(file, to: { other }, tags: ["saved"], session: info)
    let copy = try other.run(matching: imported.run)
    #expect(imported == .new(copy.id) && copy.id != id)
    #expect(copy.summary.name == "held" && copy.summary.tags == ["saved"])
    let original = try sample.run(id)
    #expect(copy.epochs.map(\.essence) == original.epochs.map(\.essence))
    #expect(copy.checkpoints.map(\.sha256) == [original.checkpoints.last?.sha256])
    #expect(try other.verify() == [])
  }

  /// Where another session has continued the run, what the file knows becomes a run of its own.
  @Test func aRunThatWentOnKeepsWhatItHas() throws {
    let session = try start(busyTimeout: 0)
    let id = try #require(session.runID)
    let holder = try Holder(sample)
    let follower = Follower()
    follower.onBatch = { progress in
      if progress.epoch == 2, progress.batch == 1 { try holder.write() }
      return .proceed
    }
    #expect(failure { try session.run([follower]) }?.code == .busy)
    try holder.letGo()
    let file = try #require(sample.directory.contents.first { $0.hasSuffix(".safetensors") })
    let again = try TrainingSession.resume(
      run: id, train: try Images.train(), validation: try Images.test(), takeOver: true,
      options: sample.options())
    // Who does so is told which file is left.
    #expect(again.remarks.count == 1 && again.remarks[0].contains(file))
    _ = try again.run([Follower()])
    try expectUndisturbed(id)
    let imported = try RunImport.run(
      sample.directory.file(file), to: { try sample.registry() },
      session: SessionInfo(libraryVersion: "1", instructionSet: "", threads: 0))
    #expect(imported == .new(imported.run) && imported.run != id)
    #expect(try sample.registry().runs().count == 2)
  }

  @Test func interruptEndsTheWaiting() throws {
    let session = try start()
    let holder = try Holder(sample)
    let follower = Follower()
    follower.onBatch = { [unowned session] progress in
      if progress.epoch == 2, progress.batch == 2 {
        try holder.read()
        session.interrupt()
      }
      return .proceed
    }
    follower.onDelay = { [unowned session] delay in
      session.interrupt()
      return .proceed
    }
    let begin = Moment.now
    let error = failure { try session.run([follower]) }
    #expect(Moment.now - begin < 60)
    #expect(error?.code == .interrupted)
    try holder.letGo()
    let file = try #require(sample.directory.contents.first { $0.hasSuffix(".safetensors") })
    #expect(error?.message.contains(file) == true)
    let registry = try sample.registry()
    _ = try RunImport.run(
      sample.directory.file(file), to: { registry },
      session: SessionInfo(libraryVersion: "1", instructionSet: "", threads: 0))
    #expect(try sample.run(session.runID).summary.status == .interrupted)
    _ = try sample.resume(session.runID ?? "").run([Follower()])
    try expectUndisturbed(session.runID)
  }

  /// Whose training fails while others hold the registry loses nothing of it either.
  @Test func aFailureNamesTheFileToo() throws {
    let session = try start(busyTimeout: 0.1)
    let holder = try Holder(sample)
    let follower = Follower()
    follower.onBatch = { progress in
      if progress.epoch == 1, progress.batch == 4 { try holder.read() }
      if progress.epoch == 3 { throw CifarError(.notFound, "lost") }
      return .proceed
    }
    let error = failure { try session.run([follower]) }
    #expect(error?.code == .notFound)
    #expect(error?.message.hasPrefix("lost; ") == true)
    #expect(error?.message.contains("cifar-runs import") == true)
    try holder.letGo()
  }

  @Test func anExtremeTimeoutIsRefused() throws {
    for seconds in [-1, .nan, .infinity, 1e7] {
      #expect(failure { try start(busyTimeout: seconds) }?.code == .invalidArgument)
    }
    #expect(sample.directory.contents.isEmpty)
  }

  // MARK: Other failures

  /// A registry that is gone ends the training with the next batch; the checkpoint is not lost.
  @Test func aRegistryThatWasMovedEndsTheTraining() throws {
    let session = try start(epochs: 100)
    let sample = sample
    let follower = Follower()
    follower.onBatch = { progress in
      if progress.epoch == 2, progress.batch == 1 {
        rename(sample.path, sample.directory.file("moved.db"))
      }
      return .proceed
    }
    let error = failure { try session.run([follower]) }
    #expect(error?.code == .io)
    #expect(follower.reports.count <= 3)
    let file = try #require(sample.directory.contents.first { $0.hasSuffix(".safetensors") })
    #expect(error?.message.contains(file) == true)
    #expect(try Model(file: sample.directory.file(file), threads: 1).epoch == 2)
  }
}
