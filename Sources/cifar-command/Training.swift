import Cifar
import CifarCore
import CifarTraining
import CommandSupport

/// Runs a session for a person: progress, Ctrl-C, and the run's id at the end.
enum Training {
  /// - Parameter processes: that share it; nil for this one alone.
  /// - Parameter start: makes the session. From when it is called on, Ctrl-C, SIGTERM and SIGHUP
  ///   leave a checkpoint, a second one ends the process at once, and a reader of the standard output
  ///   may leave.
  /// - Parameter continuation: the command that goes on with a run that is not over, of its id's start.
  /// - Parameter last: says what else there is to say of a training that has ended.
  static func run(
    quiet: Bool, _ processes: Processes?, continuation: (_ run: String) -> String,
    _ start: () throws -> TrainingSession,
    last: (TrainingSession) throws -> String? = { _ in nil }
  ) throws {
    Output.outlivesItsReader()
    Interruption.handle()
    var session = try start()
    if let processes { session = try processes.share(session) }
    for remark in session.remarks { Output.error("cifar: \(remark)") }
    Interruption.onSignal { [unowned session] in session.interrupt() }
    defer { Interruption.onSignal(nil) }
    let display = ProgressDisplay(session: session, quiet: quiet)
    display.begin()
    let end: TrainingEnd
    do {
      end = try session.run([display])
    } catch {
      display.clear()
      throw error
    }
    display.clear()
    let id = session.runID ?? ""
    let next = continuation(String(id.prefix(8)))
    if !quiet {
      Output.line(summary(end, session, next))
      if let result = session.result {
        Output.line(line(result, session.trainer.epoch))
      } else if let measured = session.earlierResult.first {
        let values = session.earlierResult.map { "\($0.name) \(Format.own($0.name)($0.value))" }
        Output.line(
          "The final weights, of epoch \(measured.epoch), were measured before: "
            + values.joined(separator: ", ")
            + (session.hasChosenResult ? choice : "") + ".")
      }
      if let text = try last(session) { Output.line(text) }
    }
    Output.line(id)
    if end == .interrupted {
      Output.message("Interrupted. Continue with: \(next)\n")
      try Interruption.check()
      throw CifarError(
        .interrupted,
        processes == nil
          ? "the training was interrupted without a signal" : "another process was interrupted")
    }
  }

  private static let choice = "; these images chose the epoch"

  /// - Parameter epochs: how many were trained.
  private static func line(_ result: TrainingSession.Result, _ epochs: Int) -> String {
    let interval = result.plain.accuracyInterval
    let images =
      !result.isOfTestImages
      ? "images validated on"
      : result.earlierLooks == 0
        ? "test images, looked at once"
        : "test images, looked at after \(result.earlierLooks) earlier epoch"
          + (result.earlierLooks == 1 ? " too" : "s too")
    var line =
      (result.epoch == epochs ? "The final weights" : "The final weights, of epoch \(result.epoch)")
      + ", in float32, on the \(Format.count(result.plain.count)) " + images
      + ": accuracy \(Format.percent(result.plain.accuracy)) "
      + "(95 % interval \(Format.percent(interval.lowerBound)) to "
      + "\(Format.percent(interval.upperBound)))"
    if let augmented = result.augmented {
      line +=
        "; with test-time augmentation (\(result.augmentation.rawValue)) "
        + Format.percent(augmented.accuracy)
    }
    if result.choseEpoch { line += choice }
    return line + "."
  }

  /// - Parameter next: the command that goes on.
  private static func summary(
    _ end: TrainingEnd, _ session: TrainingSession, _ next: String
  ) -> String {
    switch end {
    case .completed(let reason): "Done: \(reason)."
    case .diverged(let reason): "Ended: \(reason)."
    case .stopped:
      "Stopped: \(session.trainer.pauseReason ?? "by a callback"). Continue with: \(next)"
    case .interrupted where session.lacksResult:
      "Interrupted after the last epoch, before the final weights were measured."
    case .interrupted:
      "Interrupted in epoch \(session.trainer.epoch + 1) after batch \(session.trainer.batch) of "
        + "\(session.trainer.batchesPerEpoch); the checkpoint is stored."
    }
  }

  /// The command that goes on with one run, of the start of its id.
  static func resume(_ arguments: Arguments) -> (String) -> String {
    { "cifar resume \($0)\(arguments.registryOption)" }
  }
}
