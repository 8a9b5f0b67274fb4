import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs import`: a checkpoint's file as a run.
enum ImportCommand {
  static var command: Command {
    Command(
      "import", summary: "makes a run from a checkpoint's file",
      positionals: [
        Positional(
          "FILE",
          help: "a safetensors file that `cifar export --format checkpoint` or a training wrote")
      ],
      options: [
        Option("--name", value: "TEXT", help: "what to call a new run"),
        Option("--tag", value: "TAG", help: "a tag; may be given several times"), .registry,
      ],
      discussion: """
        An exported checkpoint becomes the start of a new run, with the file's hyperparameters and
        this one checkpoint; `cifar resume` continues from there. A file that a training left beside
        its registry, because others held that when it ended, gives its run the epochs, the
        checkpoint and the end that could not be written; in another registry, or where the run has
        continued since, it becomes a new run with all that the file knows.
        All or nothing is written. The registry is made if it does not exist. Prints the run's id.
        """,
      examples: [
        "cifar resume $(cifar-runs import colleague.safetensors --name theirs) --epochs 50",
        "cifar-runs import cifar-runs.db.run-3f2a91cc.safetensors",
      ],
      run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let directory = GitCommit.workingDirectory()
    let imported = try RunImport.run(
      arguments.positionals[0],
      to: { try arguments.openRegistryForWriting(create: true) },
      name: arguments.value("--name"), tags: arguments.all("--tag"),
      session: SessionInfo(
        libraryVersion: LibraryVersion.string, instructionSet: "", threads: 0,
        commandLine: CommandLine.text, workingDirectory: directory,
        gitCommit: directory.flatMap(GitCommit.current)))
    let id = imported.run
    switch imported {
    case .new: break
    case .completed: Output.message("Run \(id.prefix(8)) has what it lacked.\n")
    case .known: Output.message("Run \(id.prefix(8)) has all of it already; nothing was written.\n")
    }
    Output.line(id)
  }
}
