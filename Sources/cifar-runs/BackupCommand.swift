import CifarRegistry
import CommandSupport

/// `cifar-runs backup`: a copy of the registry while it is in use.
enum BackupCommand {
  static var command: Command {
    Command(
      "backup", summary: "copies the registry while it is in use, checks the copy",
      positionals: [Positional("FILE", help: "where the copy goes")],
      options: [.force, .registry] + OutputFormat.options,
      discussion: """
        Trainings go on meanwhile; a copy by cp or rsync may be damaged then. The copy is the registry
        as it was at one moment, with every checkpoint, and is checked as 'verify' does before it gets
        its name: where anything is wrong there is no copy, and the exit code is 1. It is a registry
        like any other. A registry is never written over: give each copy a name of its own.
        """,
      examples: [
        "cifar-runs backup /backups/runs-$(date +%F).db",
        "cifar-runs list --registry /backups/runs-2026-11-23.db",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let file = arguments.positionals[0]
    guard file != "-" else {
      throw UsageError("a backup goes to a file, not to standard output: backup FILE")
    }
    let format = try arguments.format()
    let registry = try arguments.openRegistry()
    let terminal = Terminal.standardError
    let backup = try registry.backup(to: file, force: arguments.has("--force")) { done, all in
      guard terminal.canRedraw, all > 0 else { return }
      Output.redraw("copied \(100 * done / all) %")
    }
    if terminal.canRedraw { Output.redraw("") }
    Output.write(
      [
        ("file", .string(file)), ("bytes", .integer(Int64(backup.bytes))),
        ("runs", .integer(Int64(backup.runs))),
        ("checkpoints", .integer(Int64(backup.checkpoints))),
      ], as: format)
    if format == .table {
      Output.line(
        "\(file): \(backup.runs) runs with \(backup.checkpoints) checkpoints, "
          + "\(Format.bytes(backup.bytes)), all whole.")
    }
  }
}
