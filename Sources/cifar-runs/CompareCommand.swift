import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs compare`: runs side by side.
enum CompareCommand {
  static var command: Command {
    Command(
      "compare", summary: "compares runs: what they were told, how they did, what they ran in",
      positionals: [Positional("RUN", help: Positional.run.help, required: false, repeats: true)],
      options: [
        Option("--max", value: "FIELD", help: "order the runs by it, the largest first"),
        Option("--min", value: "FIELD", help: "order the runs by it, the smallest first"),
        Option("--all", help: "all hyperparameters, not only those that differ"),
        Option(
          "--group", value: "NAME",
          help:
            "compare whole groups: for each, how many runs, and of those that are completed\n"
            + "mean and deviation, smallest and largest; may be given several times"),
      ] + Option.selection.filter { $0.name != "--group" } + [
        Option("-n", value: "N", help: "with --filter and the like: how many at most (else 5)"),
        .registry,
      ] + OutputFormat.options,
      examples: [
        "cifar-runs compare 3f2a 77c0",
        "cifar-runs compare --tag sweep --max val_accuracy -n 4",
        "cifar-runs compare --group baseline --group wide",
        "cifar-runs compare 3f2a 77c0 --all --csv",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    if !arguments.all("--group").isEmpty { return try GroupComparison.run(arguments) }
    let runs = try chosen(arguments)
    let registry = try arguments.openRegistry()
    guard runs.count > 1 else {
      throw UsageError("two runs at least are compared; name them, or select them with --filter")
    }
    let all = arguments.has("--all")
    let lines = try rows(of: runs, all: all) + environment(of: runs, in: registry, all: all)
    let format = try arguments.format()
    if format != .table {
      let records: [Record] = lines.map { line in
        [("what", .string(line.name))]
          + zip(runs, line.values).map { (name: $0.id, value: $1 ?? .null) }
      }
      return Output.write(records, as: format, columns: ["what"] + runs.map(\.id))
    }
    var table = Table([.init("")] + runs.map { .init($0.summary.label, narrowest: 8) })
    for line in lines {
      table.add(
        [.init(line.name, .dim)]
          + zip(line.values, line.texts).map { value, text in
            .init(text, value != nil && value == line.best ? .green : .plain)
          })
    }
    Output.write(table.text(for: .standardOutput))
  }

  private static func chosen(_ arguments: Arguments) throws -> [RunDetail] {
    var query = try arguments.query()
    if arguments.has("--max"), arguments.has("--min") {
      throw UsageError("--max and --min exclude each other")
    }
    query.sort = arguments.value("--max") ?? arguments.value("--min")
    query.descending = !arguments.has("--min")
    let registry = try arguments.openRegistry()
    let isSelected = query.filter != nil || !query.also.isEmpty
    var seen: Set<String> = []
    let named = try arguments.positionals.map { try registry.run(matching: $0) }
      .filter { seen.insert($0.id).inserted }
    if named.isEmpty || isSelected {
      query.limit = try arguments.integer("-n", in: 2...100) ?? 5
    }
    if named.isEmpty {
      return try registry.runs(query, damaged: Output.leftOut)
        .map { try registry.run(matching: $0.id) }
    }
    guard query.sort != nil || isSelected else { return named }
    // The order comes from the registry, the choice from the command line.
    query.limit = nil
    let order = try registry.runs(query, damaged: Output.leftOut).map(\.id)
    return order.compactMap { id in named.first { $0.id == id } }
  }

  private struct Line {
    var name: String
    var values: [JSONValue?]
    var texts: [String]
    /// The value that is better than the others; nil where there is no better.
    var best: JSONValue?
  }

  private static func rows(of runs: [RunDetail], all: Bool) throws -> [Line] {
    let summaries = runs.map(\.summary)
    let choices = try runs.map { try $0.choices }
    var lines = [
      text("id", summaries.map(\.shortID)), text("status", summaries.map(\.status.rawValue)),
      text("epochs trained", summaries.map(\.epochsText)),
      number("best val_accuracy", summaries.map(\.bestValAccuracy), Format.percent) { $0 > $1 },
      number("best val_loss", summaries.map(\.bestValLoss), Format.loss) { $0 < $1 },
      text(RunChoices.bestTitle, choices.map { $0.best?.rawValue }),
      number("last val_accuracy", summaries.map(\.lastValAccuracy), Format.percent) { $0 > $1 },
      number("last val_loss", summaries.map(\.lastValLoss), Format.loss) { $0 < $1 },
    ]
    // A word on figures, where there are any.
    if runs.contains(where: { $0.measuredEnd != nil }) {
      lines.append(text(RunChoices.finalTitle, choices.map { $0.final?.rawValue }))
    }
    lines.append(number("duration", summaries.map(\.durationSeconds), Format.duration, nil))
    for metric in EpochMetric.allCases where ![.valAccuracy, .valLoss].contains(metric) {
      let isBetter: ((Double, Double) -> Bool)? = metric.direction.map { $0 == .lower ? (<) : (>) }
      let values = runs.map { $0.epochs.last?[metric] }
      lines.append(
        number("last \(metric.name)", values, { Format.metric($0, metric.format) }, isBetter))
    }
    for name in Set(runs.flatMap { $0.metrics.map(\.name) }).sorted() {
      let values = runs.map { run in run.metrics.last { $0.name == name }?.value }
      lines.append(number(name, values, Format.own(name), nil))
    }
    let parameters = try runs.map { run in
      HyperparameterLines.lines(of: try JSONValue(stored: run.hyperparameters))
    }
    var seen: Set<String> = []
    for name in parameters.joined().map(\.name) where seen.insert(name).inserted {
      let values = parameters.map { lines in lines.first { $0.name == name }?.value }
      if all || Set(values).count > 1 { lines.append(text(name, values)) }
    }
    return lines
  }

  /// What the last sessions ran in, as far as it differs.
  private static func environment(
    of runs: [RunDetail], in registry: Registry, all: Bool
  ) throws -> [Line] {
    let facts = try runs.map { run in
      try run.sessions.last.map {
        SessionFacts($0, changes: try registry.changes(of: $0)).lines
      } ?? []
    }
    var seen: Set<String> = []
    return facts.joined().map(\.name).filter { seen.insert($0).inserted }.compactMap { name in
      let values = facts.map { lines in lines.first { $0.name == name }?.text }
      return all || Set(values).count > 1 ? text(name, values) : nil
    }
  }

  private static func text(_ name: String, _ values: [String?]) -> Line {
    Line(
      name: name, values: values.map { $0.map { .string($0) } }, texts: values.map { $0 ?? "–" })
  }

  private static func number(
    _ name: String, _ values: [Double?], _ format: (Double) -> String,
    _ isBetter: ((Double, Double) -> Bool)?
  ) -> Line {
    let finite = values.compactMap { $0 }.filter(\.isFinite)
    let best = isBetter.flatMap { better in finite.min { better($0, $1) } }
    return Line(
      name: name, values: values.map { $0.map { .number($0) } },
      texts: values.map { $0.text(format) }, best: best.map { .number($0) })
  }
}
