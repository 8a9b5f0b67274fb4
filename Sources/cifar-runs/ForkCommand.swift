import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs fork`: a new run from a checkpoint of another one.
enum ForkCommand {
  static var command: Command {
    Command(
      "fork", summary: "makes a new run that begins at a checkpoint of another",
      positionals: [.run],
      options: [
        Option(
          "--checkpoint", value: "WHICH", help: "last, best, or a checkpoint's id (else last)",
          choices: ["last", "best"]),
        Option("--name", value: "TEXT", help: "what to call the new run"), .registry,
      ],
      discussion: """
        The new run has the history up to the checkpoint and shares its bytes. `cifar resume`
        continues it; the old run stays as it is. Prints the new run's id.
        """,
      examples: ["cifar resume $(cifar-runs fork 3f2a --checkpoint best) --epochs 50"]
    ) { arguments in
      let text = arguments.value("--checkpoint") ?? "last"
      guard let choice = CheckpointChoice(text) else {
        throw UsageError("--checkpoint '\(text)' is none of last, best or a checkpoint's id")
      }
      let directory = GitCommit.workingDirectory()
      let id = try arguments.openRegistryForWriting().fork(
        arguments.positionals[0], from: choice, name: arguments.value("--name"),
        session: SessionInfo(
          libraryVersion: LibraryVersion.string, instructionSet: "", threads: 0,
          commandLine: CommandLine.text, workingDirectory: directory,
          gitCommit: directory.flatMap(GitCommit.current)))
      Output.line(id)
    }
  }
}
