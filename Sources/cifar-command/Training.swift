import Cifar
import CifarCore
import CifarTraining
import CommandSupport
import Glibc

/// Runs a session for a person: progress, Ctrl-C, and the run's id at the end.
enum Training {
  static func run(_ session: TrainingSession, quiet: Bool) throws {
    let display = ProgressDisplay(session: session, quiet: quiet)
    Interruption.session = session
    Interruption.install()
    defer { Interruption.session = nil }
    display.begin()
    let end: TrainingEnd
    do {
      end = try session.run(display)
    } catch {
      display.clear()
      throw error
    }
    display.clear()
    let id = session.runID ?? ""
    if !quiet { Output.line(summary(end, session)) }
    Output.line(id)
    if end == .interrupted {
      Output.message("Interrupted. Go on with: cifar resume \(id.prefix(8))\n")
      exit(1)
    }
  }

  private static func summary(_ end: TrainingEnd, _ session: TrainingSession) -> String {
    switch end {
    case .completed(let reason): "Done: \(reason)."
    case .diverged(let reason): "Ended: \(reason)."
    case .stopped:
      "Stopped: \(session.trainer.pauseReason ?? "by a callback"). Go on with: cifar resume "
        + (session.runID ?? "").prefix(8)
    case .interrupted:
      "Interrupted in epoch \(session.trainer.epoch + 1) after batch \(session.trainer.batch) of "
        + "\(session.trainer.batchesPerEpoch); the checkpoint is stored."
    }
  }
}

/// Ctrl-C and SIGTERM: the first stops after the batch under way, the second at once.
enum Interruption {
  nonisolated(unsafe) static var session: TrainingSession?

  static func install() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        signal(number, SIG_DFL)
        Interruption.session?.interrupt()
      }
    }
  }
}
