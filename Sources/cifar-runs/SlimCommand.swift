import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs slim`: less space for runs that are finished.
enum SlimCommand {
  static var command: Command {
    Command(
      "slim", summary: "keeps only the weights of completed runs' older checkpoints",
      positionals: [Positional("RUN", help: Positional.run.help, required: false, repeats: true)],
      options: [
        Option("--all", help: "all completed runs")
      ] + Option.selection.filter { $0.name != "--trash" && $0.name != "--status" } + [
        .dryRun, .registry,
      ] + OutputFormat.options,
      discussion: """
        The last checkpoint of each run stays as it is, so that the run can be resumed; so does what is
        pinned. The others keep their weights, a quarter to a third of their bytes: they can be
        evaluated and exported as before, but not resumed or forked. Runs that have not completed are left as
        they are, or refused if they were named. A run is changed whole or not at all, and the space
        is given back at the end; trainings may go on meanwhile.
        """,
      examples: [
        "cifar-runs slim --all --dry-run", "cifar-runs slim 3f2a 77c0",
        "cifar-runs slim --group sweep",
      ]
    ) { arguments in
      let format = try arguments.format()
      let dryRun = arguments.has("--dry-run")
      let registry =
        try dryRun ? arguments.openRegistry() : arguments.openRegistryForWriting()
      let named = arguments.positionals
      var runs = named
      if named.isEmpty {
        let query = try arguments.query()
        guard arguments.has("--all") || query.filter != nil || !query.also.isEmpty else {
          throw UsageError(
            "RUN is missing: \(Positional.run.help); or select runs with --filter or --group; or "
              + "take all: --all")
        }
        runs = try registry.ids(query, damaged: Output.leftOut)
      } else if try arguments.has("--all") || arguments.query().filter != nil
        || !arguments.query().also.isEmpty
      {
        throw UsageError("name runs, or select them, not both")
      }
      let slimmed = try registry.slim(runs, areNamed: !named.isEmpty, dryRun: dryRun)
      for problem in slimmed.problems { Output.error("cifar-runs: left as it is: \(problem)") }
      if format != .table {
        let records: [Record] = slimmed.runs.map {
          [
            ("id", .string($0.id)), ("name", .optional($0.name)),
            ("checkpoints", .integer(Int64($0.checkpoints))), ("bytes", .integer(Int64($0.bytes))),
          ]
        }
        return Output.write(records, as: format, columns: ["id", "name", "checkpoints", "bytes"])
      }
      for run in slimmed.runs {
        let name = run.name.map { "  \($0)" } ?? ""
        Output.line(
          "  \(run.id.prefix(8))\(name)  \(count(run.checkpoints, "checkpoint"))  "
            + Format.bytes(run.bytes))
      }
      let left =
        slimmed.unfinished == 0
        ? "" : "; \(count(slimmed.unfinished, "run")) left alone, not completed"
      Output.line(
        "\(dryRun ? "Would free" : "Freed") \(Format.bytes(slimmed.bytes)) in "
          + "\(count(slimmed.checkpoints, "checkpoint")) of \(count(slimmed.runs.count, "run"))\(left)."
      )
    }
  }

  private static func count(_ number: Int, _ what: String) -> String {
    "\(number) \(what)\(number == 1 ? "" : "s")"
  }
}
