import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs best`: the run that did best.
enum BestCommand {
  static var command: Command {
    Command(
      "best", summary: "finds the best run",
      options: [
        Option("--max", value: "FIELD", help: "the largest of it (else val_accuracy)"),
        Option("--min", value: "FIELD", help: "the smallest of it"),
      ] + Option.selection + [.registry] + OutputFormat.options,
      discussion: """
        Prints the run's id alone when the output is not a terminal, for use in other commands.
        Fields are those of 'list --help'.
        """,
      examples: [
        "cifar-runs best", "cifar-runs best --min val_loss --tag sweep",
        "cifar export $(cifar-runs best) -o best.safetensors",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    var query = try arguments.query()
    if arguments.has("--max"), arguments.has("--min") {
      throw UsageError("--max and --min exclude each other")
    }
    let field = arguments.value("--min") ?? arguments.value("--max") ?? "val_accuracy"
    query.sort = field
    query.descending = !arguments.has("--min")
    query.limit = 1
    query.fields = [field]
    let registry = try arguments.openRegistry()
    guard let run = try registry.runs(query, damaged: Output.leftOut).first,
      run.values.first != .null
    else {
      throw CifarError(.notFound, "no run in \(registry.path) fits and has a \(field)")
    }
    let format = try arguments.format()
    if format != .table { return Output.write(run.record, as: format) }
    let terminal = Terminal.standardOutput
    guard terminal.isInteractive else { return Output.line(run.id) }
    let detail = try registry.run(matching: run.id)
    Output.write(
      try RunPage(
        run: detail, registryOption: arguments.registryOption, terminal: terminal
      ).text(brief: true))
  }
}
