import Cifar
import CifarCore
import CifarNN
import CifarTraining
import CommandSupport

/// The processes that share a command's trainings. The first leads: it makes the sessions, keeps the runs
/// and talks. The others train what it does, and say something only where it can't.
final class Processes {
  static let options = [
    Option(
      "--peers", value: "FILE",
      help:
        "share the training with other processes, by this shared library; cifar-mpi does it with "
        + "MPI's, docs/parallel.md tells more"),
    Option(
      "--local-batch-norm",
      help: "with --peers: batch norm takes the moments of each process's images"),
  ]

  private let library: PeerLibrary
  private var peers: Peers { library.peers }
  private var isOver = false

  /// Joins those that a command line asks for; nil for none. This comes before anything is said, so
  /// before the arguments are checked.
  ///
  /// - Throws: `notFound`, `peer`.
  init?(_ arguments: [String]) throws {
    let path = arguments.indices.reversed().lazy.compactMap { index -> String? in
      if arguments[index] == "--peers" { return arguments.dropFirst(index + 1).first }
      let prefix = "--peers="
      guard arguments[index].hasPrefix(prefix) else { return nil }
      return String(arguments[index].dropFirst(prefix.count))
    }.first
    guard let path else { return nil }
    library = try PeerLibrary(
      path: path, sharesBatchNorm: !arguments.contains("--local-batch-norm"))
    if peers.rank > 0 { Output.mute() }
  }

  /// Runs a command that trains.
  ///
  /// - Parameters:
  ///   - processes: nil for this one alone.
  ///   - body: what one process does; each session that it makes goes through `share`.
  static func run(
    _ processes: Processes?, _ arguments: Arguments, _ body: () throws -> Void
  ) throws {
    guard let processes else {
      guard !arguments.has("--local-batch-norm") else {
        throw UsageError(
          "--local-batch-norm is for several processes: name their library by --peers")
      }
      return try body()
    }
    try processes.run(arguments, body)
  }

  private func run(_ arguments: Arguments, _ lead: () throws -> Void) throws {
    do {
      if peers.rank == 0 {
        try lead()
        _ = try TrainerMeeting(peers).isWanted(false)
      } else {
        try follow(location: arguments.value("--data"), threads: arguments.threads())
      }
      isOver = true
    } catch {
      TrainerMeeting(peers).leave(error)
      throw peers.rank == 0 ? error : told(error)
    }
  }

  /// A new session of the first process, as one of all.
  func share(_ session: TrainingSession) throws -> TrainingSession {
    _ = try TrainerMeeting(peers).isWanted(true)
    return try session.shared(with: peers)
  }

  /// Takes part in the trainings of the first process, until it wants no more.
  private func follow(location: String?, threads: Int) throws {
    Interruption.handle()
    while try TrainerMeeting(peers).isWanted(true) {
      let session = try TrainingSession.joining(peers, location: location, threads: threads)
      Interruption.onSignal { [unowned session] in session.interrupt() }
      defer { Interruption.onSignal(nil) }
      _ = try session.run()
    }
  }

  /// An error as a process other than the first tells it, where the first does not know.
  private func told(_ error: any Error) -> any Error {
    guard peers.hasFailed else { return error }
    Output.unmute()
    let name = "process \(peers.rank) of \(peers.count)"
    guard let error = error as? CifarError, !error.message.hasPrefix(name) else { return error }
    return CifarError(error.code, "\(name): \(error.message)")
  }

  /// Leaves the others, when all is recorded. Where they can't be reached it does nothing: they may wait
  /// for this process to go on, and hear of its end by what started them.
  func close() {
    if !isOver {
      // Such as wrong arguments, which the others may not have.
      TrainerMeeting(peers).leave(CifarError(.invalidArgument, "it did not begin a training"))
    }
    if !peers.hasFailed { library.close() }
  }
}
