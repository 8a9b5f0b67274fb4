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
      throw CifarError(
        .invalidArgument,
        "process \(peers.rank) of \(peers.count) must keep no run and write no log (record 0): "
          + "process 0 does")
    }
    let meeting = TrainerMeeting(peers)
    do {
      // What this one may fail at comes before the first exchange, so that the others hear of it.
      let own = peers.rank == 0 ? try trainer.checkpoint() : []
      let hosts = try meeting.introduce(
        PeerIdentity(
          version: LibraryVersion.string, instructionSet: Kernels.current.name,
          sharesBatchNorm: peers.sharesBatchNorm, host: Machine.host))
      let bytes = try meeting.distribute(own)
      let session = peers.rank == 0 ? self : try joined(bytes)
      try session.trainer.share(with: meeting)
      try meeting.confirm()
      try recorder?.record(peers: peers, hosts: hosts)
      return session
    } catch {
      meeting.leave(error)
      throw error
    }
  }

  /// A session that continues from another process's state.
  private func joined(_ checkpoint: [UInt8]) throws -> TrainingSession {
    let checkpoint = try Checkpoint(checkpoint)
    let images = try SessionImages(
      train: self.images.whole.train, validation: self.images.whole.test,
      split: checkpoint.hyperparameters)
    let trainer = try Trainer(
      resuming: checkpoint, epochs: nil, train: images.train, validation: images.validation,
      test: images.test, threads: threads)
    return TrainingSession(
      trainer: trainer, recorder: nil, images: images, threads: threads, tensorBoard: nil,
      remarks: remarks)
  }
}
