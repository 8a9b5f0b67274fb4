import CifarCore
import CifarRegistry
import CommandSupport

/// `copy` and `merge`: runs of one registry in another.
enum MergeCommands {
  private static let skipConflicts = Option(
    "--skip-conflicts", help: "leave out runs that went on in both files; the others are taken up")

  static var copy: Command {
    Command(
      "copy", summary: "copies runs into another registry",
      positionals: [Positional("RUN", help: Positional.run.help, required: false, repeats: true)],
      options: [
        Option("--to", value: "FILE", help: "the registry that gets them; made if it is missing"),
        skipConflicts,
      ] + Option.selection.filter { $0.name != "--trash" } + [.registry] + OutputFormat.options,
      discussion: rules,
      examples: [
        "cifar-runs copy 3f2a 77c0 --to for-a-colleague.db",
        "cifar-runs copy --group baseline --to baseline.db",
      ]
    ) { arguments in
      guard let target = arguments.value("--to") else { throw UsageError("--to FILE is missing") }
      let source = try arguments.openRegistry()
      var runs = arguments.positionals
      if runs.isEmpty {
        let query = try arguments.query()
        guard query.filter != nil || !query.also.isEmpty else {
          throw UsageError(
            "RUN is missing: \(Positional.run.help); or select runs with --filter; or take all: "
              + "cifar-runs merge")
        }
        runs = try source.ids(query, damaged: Output.leftOut)
        guard !runs.isEmpty else { throw CifarError(.notFound, "no run in \(source.path) fits") }
      }
      try merge(source.path, into: target, runs: runs, arguments)
    }
  }

  static var merge: Command {
    Command(
      "merge", summary: "takes up the runs of another registry",
      positionals: [
        Positional(
          "FILE",
          help:
            "the other registry: its runs stay as they are; an older schema\nis brought to the present one, as whenever such a file is opened"
        )
      ],
      options: [skipConflicts, .registry] + OutputFormat.options,
      discussion: rules,
      examples: [
        "scp gpu7:backup.db gpu7.db && cifar-runs merge gpu7.db   # backup.db: by 'cifar-runs backup'",
        "cifar-runs merge laptop.db --registry all.db",
      ]
    ) { arguments in
      let other = arguments.positionals[0]
      // A name that is no registry leaves no empty one behind.
      _ = try Registry(path: other, mode: .readOnly)
      try merge(other, into: arguments.registryPath(), runs: nil, arguments)
    }
  }

  private static let rules = """
    A run is the same run in every file, by its whole id: one that is not there is copied with its
    checkpoints; one that went on elsewhere gets what it lacks; doing it again changes nothing. Bytes
    that are there already are not copied. Tags and notes are added, a name or group only where there
    is none. A run that went on in both files is in conflict: then nothing is written, and each is
    named. All of it is written, or nothing. Runs in the trash of the other file are left out, runs in
    the trash of this one stay there. Trainings may go on meanwhile.
    """

  private static func merge(
    _ path: String, into target: String, runs: [String]?, _ arguments: Arguments
  ) throws {
    let format = try arguments.format()
    let merged = try Registry.merge(
      from: path, into: target, runs: runs, skipConflicts: arguments.has("--skip-conflicts"))
    for run in merged.runs where run.outcome == .conflict {
      Output.error("cifar-runs: run \(run.id.prefix(8)) is left out: \(run.reason)")
    }
    if format != .table {
      let records: [Record] = merged.runs.map {
        [
          ("id", .string($0.id)), ("name", .optional($0.name)),
          ("outcome", .string($0.outcome.rawValue)), ("reason", .string($0.reason)),
        ]
      }
      return Output.write(records, as: format, columns: ["id", "name", "outcome", "reason"])
    }
    var parts = [
      "\(merged.count(.added)) added", "\(merged.count(.updated)) updated",
      "\(merged.count(.unchanged)) unchanged",
    ]
    if merged.count(.conflict) > 0 { parts.append("\(merged.count(.conflict)) in conflict") }
    let count = merged.checkpoints
    Output.line(
      "\(target): \(parts.joined(separator: ", ")); "
        + "\(count) checkpoint\(count == 1 ? "" : "s") copied.")
  }
}
