import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs checkpoints`: what of a run is stored.
enum CheckpointsCommand {
  static var command: Command {
    Command(
      "checkpoints", summary: "lists a run's checkpoints, pins them", positionals: [.run],
      options: [
        Option("--pin", value: "ID", help: "keep this one whatever retention says"),
        Option("--unpin", value: "ID", help: "let it go again"), .registry,
      ] + OutputFormat.options,
      discussion: """
        `cifar export RUN --checkpoint ID --format checkpoint -o FILE` writes one to a safetensors file,
        `cifar resume RUN --checkpoint ID` continues from it.
        """,
      examples: ["cifar-runs checkpoints 3f2a", "cifar-runs checkpoints 3f2a --pin 17"], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let name = arguments.positionals[0]
    for (option, isPinned) in [("--pin", true), ("--unpin", false)] {
      guard let text = arguments.value(option) else { continue }
      let registry = try arguments.openRegistryForWriting()
      guard let choice = CheckpointChoice(text) else {
        throw UsageError("\(option) '\(text)' is none of last, best or a checkpoint's id")
      }
      try registry.pin(checkpoint: registry.checkpoint(choice, of: name).id, isPinned)
    }
    let run = try arguments.openRegistry().run(matching: name)
    let format = try arguments.format()
    if format != .table {
      return Output.write(
        run.checkpoints.map(\.record), as: format, columns: CheckpointRow.recordColumns)
    }
    if run.checkpoints.isEmpty {
      return Output.line("Run \(run.summary.shortID) has no checkpoint.")
    }
    let terminal = Terminal.standardOutput
    Output.write(RunPage(run: run, terminal: terminal).checkpointTable.text(for: terminal))
  }
}
