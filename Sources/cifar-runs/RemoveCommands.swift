import CifarRegistry
import CommandSupport
import Glibc

/// `rm`, `restore` and `gc`: taking runs away.
enum RemoveCommands {
  static var remove: Command {
    Command(
      "rm", summary: "puts runs into the trash",
      positionals: [
        Positional("RUN", help: Positional.run.help, required: false, repeats: true)
      ],
      options: [
        .filter, .yes, .dryRun,
        Option(
          "--take-over",
          help:
            "also runs that seem to be running, because what trained them\ncan't be asked from here; what still trains them can write\nnothing more"
        ),
        .registry,
      ],
      discussion: """
        Runs in the trash are seen no more, and 'restore' gets them back as they were. Their space
        is free after 'gc'. A run that is running is not removed, unless --take-over says that it is
        not: what runs on another machine or in another container can't be asked, and counts as
        running until half an hour after its last sign of life.
        """,
      examples: [
        "cifar-runs rm 3f2a", "cifar-runs rm --filter 'status = failed and epochs = 0' --dry-run",
        "cifar-runs rm 3f2a 77c0 --yes && cifar-runs gc",
      ]
    ) { arguments in
      let registry = try arguments.openRegistryForWriting()
      var runs = try arguments.positionals.map { try registry.run(matching: $0).summary }
      if let filter = arguments.value("--filter") {
        runs += try registry.runs(RunQuery(filter: filter), damaged: Output.leftOut)
      } else if runs.isEmpty {
        throw UsageError("RUN is missing: \(Positional.run.help)")
      }
      var seen: Set<String> = []
      runs = runs.filter { seen.insert($0.id).inserted }
      if runs.isEmpty { return Output.line("No run fits.") }
      if arguments.has("--dry-run") || !arguments.has("--yes") { show(runs) }
      if arguments.has("--dry-run") {
        return Output.line("Would put \(count(runs.count)) into the trash.")
      }
      guard
        try arguments.has("--yes") || Confirmation.ask("Put \(count(runs.count)) into the trash?")
      else { return }
      try registry.remove(runs.map(\.id), takeOver: arguments.has("--take-over"))
      Output.line(
        "\(count(runs.count)) in the trash; cifar-runs restore \(runs[0].shortID) gets one back, "
          + "cifar-runs gc frees the space.")
    }
  }

  static var restore: Command {
    Command(
      "restore", summary: "takes runs out of the trash",
      positionals: [
        Positional("RUN", help: Positional.run.help, repeats: true, isInTrash: true)
      ], options: [.registry],
      examples: ["cifar-runs list --trash", "cifar-runs restore 3f2a"]
    ) { arguments in
      let registry = try arguments.openRegistryForWriting()
      for run in arguments.positionals { try registry.restore(run) }
    }
  }

  static var collect: Command {
    Command(
      "gc", summary: "empties the trash and gives the space back",
      options: [.yes, .dryRun, .registry] + OutputFormat.options,
      discussion: """
        What was in the trash is gone for good. Works in small steps: trainings go on meanwhile, and
        after an interruption the next call goes on. Asks where somebody sits at a terminal. With
        --dry-run and --json the runs themselves are written, as 'list' has them.
        """,
      examples: ["cifar-runs gc --dry-run", "cifar-runs gc --yes"]
    ) { arguments in
      let registry = try arguments.openRegistryForWriting()
      let trash = try registry.runs(RunQuery(trash: true), damaged: Output.leftOut)
      let format = try arguments.format()
      if arguments.has("--dry-run") {
        guard format == .table else {
          return Output.write(trash.map(\.record), as: format, columns: RunSummary.recordColumns)
        }
        show(trash)
        return Output.line("Would delete \(count(trash.count)) for good.")
      }
      if !trash.isEmpty, !arguments.has("--yes"), isatty(STDIN_FILENO) == 1 {
        if format == .table { show(trash) }
        guard try Confirmation.ask("Delete \(count(trash.count)) for good?") else { return }
      }
      let collected = try registry.collectGarbage()
      Output.write(
        [
          ("runs", .integer(Int64(collected.runs))), ("bytes", .integer(Int64(collected.bytes))),
        ], as: format)
      if format == .table {
        Output.line(
          "\(count(collected.runs)) deleted, \(Format.bytes(collected.bytes)) given back.")
      }
    }
  }

  private static func show(_ runs: [RunSummary]) {
    for run in runs.prefix(20) {
      let name = run.name.map { "  \($0)" } ?? ""
      Output.line("  \(run.shortID)\(name)  \(run.status.rawValue)  \(run.epochsText) epochs")
    }
    if runs.count > 20 { Output.line("  … and \(runs.count - 20) more") }
  }

  private static func count(_ runs: Int) -> String { runs == 1 ? "1 run" : "\(runs) runs" }
}
