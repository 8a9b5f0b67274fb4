import CifarCore
import CifarRegistry
import CommandSupport
import Glibc

/// `cifar-runs watch`: follows a run that trains elsewhere.
enum WatchCommand {
  static var command: Command {
    Command(
      "watch", summary: "follows a live run, a line an epoch",
      positionals: [
        Positional("RUN", help: Positional.run.help + "; else the newest", required: false)
      ],
      options: [
        Option("--interval", value: "S", help: "seconds between two looks (else 1)"), .registry,
        Option("--jsonl", help: "one JSON object a line"),
      ],
      discussion: "Ends when the run does. Ctrl-C leaves the run alone.",
      examples: ["cifar-runs watch", "cifar-runs watch 3f2a --jsonl"], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let interval =
      try arguments.number("--interval", "a number from 0.05 to 3600") {
        (0.05...3600).contains($0)
      } ?? 1
    let registry = try arguments.openRegistry()
    let newest = RunQuery(limit: 1)
    guard
      let run = try arguments.positionals.first
        ?? registry.runs(newest, damaged: Output.leftOut).first?.id
    else {
      return Output.line("No runs in \(registry.path) yet.")
    }
    let isJSON = arguments.has("--jsonl")
    var detail = try registry.run(matching: run)
    if !isJSON { Output.line("\(detail.summary.label): \(detail.summary.status.rawValue)") }
    var shown = 0
    while true {
      // A run that was resumed from an earlier epoch starts over there.
      shown = min(shown, detail.epochs.count)
      for row in detail.epochs[shown...] {
        if isJSON {
          Output.data(JSONValue.members(row.record).text(indented: false) + "\n")
        } else {
          Output.line(line(row, detail.summary.epochsPlanned))
        }
      }
      try Output.check()
      shown = detail.epochs.count
      guard detail.summary.status == .running else { break }
      guard sleep(seconds: interval) else { return }
      detail = try registry.run(matching: detail.id)
    }
    if !isJSON {
      let reason = detail.sessions.last?.reason ?? ""
      Output.line(detail.summary.status.rawValue + (reason.isEmpty ? "" : ": \(reason)"))
    }
  }

  /// - Returns: false if the reader of the output has closed it.
  private static func sleep(seconds: Double) -> Bool {
    var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
    return poll(&output, 1, Int32(seconds * 1000)) <= 0
  }

  private static func line(_ row: EpochMetrics, _ planned: Int) -> String {
    "epoch \(row.epoch)/\(planned)  loss \(Format.loss(row.trainLoss))"
      + "  acc \(Format.percent(row.trainAccuracy))  val_loss \(row[.valLoss].text(Format.loss))"
      + "  val_acc \(row[.valAccuracy].text(Format.percent))  lr \(Format.short(row.learningRate))"
      + "  \(Format.duration(row.seconds))"
  }
}
