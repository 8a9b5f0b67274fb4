import CifarRegistry
import CommandSupport

/// `cifar-runs list`: one line a run.
enum ListCommand {
  static var command: Command {
    Command(
      "list", summary: "lists runs, newest first",
      options: Option.selection + [
        Option(
          "--sort", value: "FIELD", help: "order by a field, the smallest first",
          choices: RunField.all.map(\.name).filter { $0 != "tag" && $0 != "note" }),
        Option("--desc", help: "the largest first"),
        Option("-n", value: "N", help: "how many at most (else 20)"),
        Option("--all", help: "all of them"),
        Option(
          "--columns", value: "A,B,…",
          help: "what to show: \((ListColumn.standard.map(\.name)).joined(separator: ", ")), uuid, "
            + "data,\nany field, hyperparameter or metric"),
        Option("--completion", help: "ids and names alone, as shell completion reads them"),
        .registry,
      ] + OutputFormat.options,
      discussion: """
        A run is 'crashed' when its process ended without recording an end, for example after kill -9; it can
        be resumed like an interrupted one. BEST is the best of any epoch; metrics that are not a
        number never count.

        A filter compares fields (=, !=, <, <=, >, >=, ~ for "holds the text", in (a, b), is null)
        and joins comparisons with and, or, not and brackets. Values with spaces are quoted. Fields:

        \(fields)
        and any hyperparameter by its path (optimizer.beta1; one that stands in no object as
        hyperparameters.ema), any metric of one's own (metrics.f1).

        JSON: an array of objects with the keys id, name (or null), status, recipe, dataset, started
        (ISO 8601, UTC), duration_s, epochs (recorded), epochs_planned, best_val_accuracy (0 to 1,
        or null), best_val_loss, last_val_accuracy, last_val_loss, tags, parent and group.
        """,
      examples: [
        "cifar-runs list",
        "cifar-runs list --filter "
          + "\"val_accuracy > 0.8 and recipe = keras and started > '2 days ago'\"",
        "cifar-runs list --sort val_loss -n 5 --columns id,model,learning_rate,best,curve",
        "cifar-runs list --status failed,crashed --since 1w",
        "cifar-runs list --all --csv > runs.csv",
        "cifar-runs list --json | jq -r '.[] | select(.status == \"crashed\") | .id'",
      ], run: run)
  }

  private static var fields: String {
    let widest = RunField.all.map(\.name.count).max() ?? 0
    return RunField.all.map { field in
      let name = field.help.isEmpty ? field.name : TextWidth.pad(field.name, to: widest + 2)
      return "  \(name)\(field.help)\n"
    }.joined()
  }

  private static func run(_ arguments: Arguments) throws {
    var query = try arguments.query()
    query.sort = arguments.value("--sort")
    query.descending = query.sort == nil || arguments.has("--desc")
    let format = try arguments.format()
    let limit = try arguments.integer("-n", in: 1...Int.max) ?? 20
    // One more, to know whether there are more.
    query.limit = arguments.has("--all") || limit == .max ? nil : limit + 1
    let names = arguments.value("--columns")?.split(separator: ",").map {
      String($0).filter { $0 != " " }
    }.filter { !$0.isEmpty }
    if names?.isEmpty == true {
      throw UsageError("--columns names no column; --columns id,name,val_loss, for example")
    }
    let columns = names.map { ListColumn.named($0, fields: &query.fields) }
    query.withLosses =
      format == .table && (columns ?? ListColumn.standard).contains { $0.name == "curve" }

    if arguments.has("--completion") {
      query.limit = nil
      query.withLosses = false
      let runs = try arguments.openRegistry().runs(query, damaged: { _ in })
        .map { CompletedRun(id: $0.id, name: $0.name) }
      return Output.data(CompletedRun.lines(of: runs))
    }
    let registry = try arguments.openRegistry()
    var runs = try registry.runs(query, damaged: Output.leftOut)
    let isCut = query.limit != nil && runs.count > limit
    if isCut { runs.removeLast() }
    if format != .table { return write(runs, columns, format) }
    if runs.isEmpty { return Output.line(nothing(registry, query)) }
    Output.write(table(of: runs, columns, query))
    if isCut, Terminal.standardOutput.isInteractive {
      Output.message("… and more: -n N shows N, --all shows all\n")
    }
  }

  private static func nothing(_ registry: Registry, _ query: RunQuery) -> String {
    if query.trash { return "The trash of \(registry.path) is empty." }
    return query.filter == nil && query.also.isEmpty
      ? "No runs in \(registry.path) yet." : "No run in \(registry.path) fits."
  }

  private static func write(
    _ runs: [RunSummary], _ columns: [ListColumn]?, _ format: OutputFormat
  ) {
    guard let columns else {
      return Output.write(runs.map(\.record), as: format, columns: RunSummary.recordColumns)
    }
    let shown = columns.filter { $0.value != nil }
    let records: [Record] = runs.map { run in
      shown.map { (name: $0.name, value: $0.value?(run) ?? .null) }
    }
    Output.write(records, as: format, columns: shown.map(\.name))
  }

  private static func table(
    of runs: [RunSummary], _ columns: [ListColumn]?, _ query: RunQuery
  ) -> TerminalText {
    var none: [String] = []
    let shown =
      columns
      ?? ListColumn.standard.filter { column in
        switch column.name {
        case "name": runs.contains { $0.name != nil }
        case "group": runs.contains { $0.group != nil }
        case "tags": runs.contains { !$0.tags.isEmpty }
        default: true
        }
      } + (query.trash ? ListColumn.named(["trashed"], fields: &none) : [])
    var table = Table(shown.map(\.title))
    let best = runs.compactMap(\.bestValAccuracy).max()
    for run in runs {
      let isBest = run.bestValAccuracy != nil && run.bestValAccuracy == best && runs.count > 1
      table.add(
        shown.map { column in
          var cell = column.cell(run)
          if column.name == "best", isBest { cell.style = .bold }
          return cell
        })
    }
    return table.text(for: .standardOutput)
  }
}
