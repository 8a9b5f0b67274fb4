import CifarCore
import CifarNN
import CifarTraining
import Glibc
import Kernels

extension TrainingSession {
  /// Makes the session one of several processes that train one network together; before `run`. All
  /// of them call this at the same time.
  ///
  /// The first process keeps the run, and its state is everybody's: the others have theirs from it,
  /// whatever they were made with, but for their images.
  ///
  /// - Returns: the session to continue with in the place of this one.
  /// - Throws: `invalidArgument` for a process other than the first that keeps a run, or processes whose
  ///   results would differ; `shapeMismatch` for other images; `peer` for what failed elsewhere.
  public func shared(with peers: Peers) throws -> TrainingSession {
    guard !hasRun else {
      throw CifarError(.invalidState, "the trainer has run: processes are named before")
    }
    guard trainer.isAlone else {
      throw CifarError(.invalidState, "the trainer has its processes already")
    }
    guard peers.rank == 0 || (recorder == nil && tensorBoard == nil) else {
      let error = CifarError(
        .invalidArgument,
        "process \(peers.rank) of \(peers.count) must keep no run and write no log (record 0): "
          + "process 0 does")
      TrainerMeeting(peers).leave(error)
      throw error
    }
    guard peers.rank == 0 else {
      return try TrainingSession.following(peers, threads: threads, remarks: remarks) {
        try SessionImages(
          train: images.whole.train, validation: images.whole.test, split: $0.hyperparameters)
      }
    }
    do {
      return try TrainingSession.meet(peers, of: trainer) { _, hosts in
        try recorder?.record(peers: peers, hosts: hosts)
        return self
      }
    } catch {
      hasRun = true
      throw recorder?.fail(error) ?? error
    }
  }

  /// A session of a process other than the first, which makes its own `shared` at the same time.
  ///
  /// - Parameter location: where to open the images; nil for where the first has them from.
  /// - Throws: as `shared`; `notFound` for images.
  public static func joining(
    _ peers: Peers, location: String?, threads: Int
  ) throws -> TrainingSession {
    try following(peers, threads: threads, remarks: []) {
      try SessionImages(of: $0, train: nil, validation: nil, location: location)
    }
  }

  /// - Parameter images: those that a state of the first process is to continue with.
  private static func following(
    _ peers: Peers, threads: Int, remarks: [String], _ images: (Checkpoint) throws -> SessionImages
  ) throws -> TrainingSession {
    try meet(peers, of: nil) { state, _ in
      let checkpoint = try Checkpoint(state)
      let images = try images(checkpoint)
      let trainer = try Trainer(
        resuming: checkpoint, epochs: nil, train: images.train, validation: images.validation,
        test: images.test, threads: threads)
      return TrainingSession(
        trainer: trainer, recorder: nil, images: images, threads: threads, tensorBoard: nil,
        remarks: remarks)
    }
  }

  /// - Parameters:
  ///   - first: in the first process, its trainer.
  ///   - session: makes a process's session, of its state and the hosts of all.
  private static func meet(
    _ peers: Peers, of first: Trainer?,
    _ session: ([UInt8], [String]) throws -> TrainingSession
  ) throws -> TrainingSession {
    let meeting = TrainerMeeting(peers)
    do {
      // What this one may fail at comes before the first exchange, so that the others hear of it.
      let own = try first?.checkpoint() ?? []
      let hosts = try meeting.introduce(
        PeerIdentity(
          version: LibraryVersion.string, instructionSet: Kernels.current.name,
          sharesBatchNorm: peers.sharesBatchNorm, host: Machine.host))
      let session = try session(meeting.distribute(own), hosts)
      try session.trainer.share(with: meeting)
      try meeting.confirm()
      return session
    } catch {
      meeting.leave(error)
      throw error
    }
  }
}
