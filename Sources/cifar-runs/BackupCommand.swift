import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs backup`: a copy of the registry while it is in use.
enum BackupCommand {
  static var command: Command {
    Command(
      "backup", summary: "copies the registry while it is in use, checks the copy",
      positionals: [Positional("FILE", help: "where the copy goes")],
      options: [
        .force,
        Option(
          "--damaged", help: "write the copy also where it is damaged, as the registry is"),
        .registry,
      ] + OutputFormat.options,
      discussion: """
        Trainings continue meanwhile; a copy by cp or rsync may be damaged then. The copy is the registry
        as it was at one moment, with every checkpoint, and goes through all checks of 'verify' before
        it gets its name: where anything is damaged, missing or changed there is no copy, and the exit
        code is 1. --damaged saves what there is all the same, names each problem, and ends with exit
        code 1, too. Tables, views, indexes and triggers that others added are no damage: the copy has
        them, and they are named. It is a registry like any other. A registry is never written over:
        give each copy a name of its own.
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
    let backup = try registry.backup(
      to: file, force: arguments.has("--force"), damaged: arguments.has("--damaged"),
      progress: { done, all in
        guard terminal.canRedraw, all > 0 else { return }
        Output.redraw(done == all ? "" : "copied \(100 * done / all) %")
      }, told: { Output.error("cifar-runs: \($0)") })
    if terminal.canRedraw { Output.redraw("") }
    Output.write(
      [
        ("file", .string(file)), ("bytes", .integer(Int64(backup.bytes))),
        ("runs", .integer(Int64(backup.runs))),
        ("checkpoints", .integer(Int64(backup.checkpoints))),
        ("problems", .integer(Int64(backup.problems.count))),
      ], as: format)
    if format == .table {
      Output.line(
        "\(file): \(backup.runs) runs with \(backup.checkpoints) checkpoints, "
          + "\(Format.bytes(backup.bytes))\(backup.problems.isEmpty ? ", all whole" : "").")
    }
    guard backup.problems.isEmpty else {
      let count = backup.problems.count
      throw CifarError(
        .checksumMismatch,
        "\(file) was written, and is damaged as \(registry.path) is: "
          + "\(count) problem\(count == 1 ? "" : "s")")
    }
  }
}
