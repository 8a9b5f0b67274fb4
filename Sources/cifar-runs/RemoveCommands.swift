import CifarCore
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
            "also runs that seem to be running, because what trained them\ncannot be asked from here; what still trains them can write\nnothing more"
        ),
        .registry,
      ],
      discussion: """
        Runs in the trash are seen no more, and 'restore' gets them back as they were. Their space
        is free after 'gc'. A run that is running is not removed, unless --take-over says that it is
        not: what runs on another machine or in another container cannot be asked, and counts as
        running until half an hour after its last sign of life.
        """,
      examples: [
        "cifar-runs rm 3f2a", "cifar-runs rm --filter 'status = failed and epochs = 0' --dry-run",
        "cifar-runs rm 3f2a 77c0 --yes && cifar-runs gc",
      ]
    ) { arguments in
      let registry = try arguments.openRegistryForWriting()
      var ids = try arguments.positionals.map { try registry.run(matching: $0).id }
      let filter = arguments.value("--filter").map { RunQuery(filter: $0) }
      if let filter {
        ids += try registry.ids(filter, damaged: Output.leftOut)
      } else if ids.isEmpty {
        throw UsageError("RUN is missing: \(Positional.run.help)")
      }
      var seen: Set<String> = []
      ids = ids.filter { seen.insert($0).inserted }
      if ids.isEmpty { return Output.line("No run fits.") }
      if arguments.has("--dry-run") || !arguments.has("--yes") {
        show(try ids.prefix(shown).compactMap { try summary($0, registry) }, of: ids.count)
      }
      if arguments.has("--dry-run") {
        return Output.line("Would put \(count(ids.count)) into the trash.")
      }
      guard
        try arguments.has("--yes") || Confirmation.ask("Put \(count(ids.count)) into the trash?")
      else { return }
      try registry.remove(ids, takeOver: arguments.has("--take-over"))
      Output.line(
        "\(count(ids.count)) in the trash; cifar-runs restore \(ids[0].prefix(8)) gets one back, "
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
        What was in the trash is gone for good. Works in small steps: trainings continue meanwhile, and
        after an interruption the next call continues. Asks where someone sits at a terminal. With
        --dry-run and --json the runs themselves are written, as 'list' has them.
        """,
      examples: ["cifar-runs gc --dry-run", "cifar-runs gc --yes"]
    ) { arguments in
      let registry = try arguments.openRegistryForWriting()
      let format = try arguments.format()
      let asks = !arguments.has("--yes") && isatty(STDIN_FILENO) == 1
      if arguments.has("--dry-run") || asks {
        let trash = try registry.runs(RunQuery(trash: true), damaged: Output.leftOut)
        if arguments.has("--dry-run"), format != .table {
          return Output.write(trash.map(\.record), as: format, columns: RunSummary.recordColumns)
        }
        if format == .table { show(Array(trash.prefix(shown)), of: trash.count) }
        if arguments.has("--dry-run") {
          return Output.line("Would delete \(count(trash.count)) for good.")
        }
        guard
          try trash.isEmpty || Confirmation.ask("Delete \(count(trash.count)) for good?")
        else { return }
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

  /// nil for a run with an illegal value, which is reported: it can be removed nevertheless.
  private static func summary(_ id: String, _ registry: Registry) throws -> RunSummary? {
    do {
      return try registry.run(matching: id).summary
    } catch let error as CifarError where error.code == .badData {
      Output.error("cifar-runs: \(error)")
      return nil
    }
  }

  /// How many runs are named before a question.
  private static let shown = 20

  private static func show(_ runs: [RunSummary], of all: Int) {
    for run in runs {
      let name = run.name.map { "  \($0)" } ?? ""
      Output.line("  \(run.shortID)\(name)  \(run.status.rawValue)  \(run.epochsText) epochs")
    }
    if all > runs.count { Output.line("  … and \(all - runs.count) more") }
  }

  private static func count(_ runs: Int) -> String { runs == 1 ? "1 run" : "\(runs) runs" }
}
