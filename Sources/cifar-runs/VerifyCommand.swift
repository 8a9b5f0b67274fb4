import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs verify`: whether everything is still what was stored.
enum VerifyCommand {
  static var command: Command {
    Command(
      "verify", summary: "looks for damage, reads every checkpoint",
      positionals: [Positional("RUN", help: "only this run's checkpoints", required: false)],
      options: [.registry] + OutputFormat.options,
      discussion: """
        Ends with exit code 1 if anything is wrong. Reads in batches, so that trainings continue; names
        tables, views, indexes and triggers that others added, too.
        """,
      examples: ["cifar-runs verify", "cifar-runs verify 3f2a --json"], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let registry = try arguments.openRegistry()
    let terminal = Terminal.standardError
    let problems = try registry.verify(
      run: arguments.positionals.first, leftOut: { Output.error("cifar-runs: \($0)") },
      progress: { done, all in
        guard terminal.canRedraw else { return }
        Output.redraw(done == all ? "" : "checkpoint \(done + 1) of \(all)")
      })
    let format = try arguments.format()
    let records = problems.map { [(name: "problem", value: JSONValue.string($0))] as Record }
    Output.write(records, as: format, columns: ["problem"])
    if format == .table {
      for problem in problems { Output.line(problem) }
      if problems.isEmpty { Output.line("\(registry.path) is as it should be.") }
    }
    guard problems.isEmpty else {
      throw CifarError(
        .checksumMismatch,
        "\(registry.path): \(problems.count == 1 ? "1 problem" : "\(problems.count) problems")")
    }
  }
}
