import CifarRegistry
import CommandSupport

/// `cifar-runs list`: one line a run.
enum ListCommand {
  static var command: Command {
    Command(
      "list", summary: "lists the runs, newest first", options: [.registry, .json],
      discussion: """
        A run is 'crashed' when its process ended without a word, for example after kill -9; it can
        be resumed like an interrupted one. BEST ACC and BEST LOSS are the best validation accuracy and
        loss of any epoch; metrics that are not a number never count.

        JSON: an array of objects with the keys id, name (or null), status, recipe, started (ISO
        8601, UTC), duration_s, epochs (recorded), best_val_accuracy (0 to 1, or null) and
        best_val_loss (or null).
        """,
      examples: [
        "cifar-runs list",
        "cifar-runs list --registry ~/experiments.db",
        "cifar-runs list --json | jq -r '.[] | select(.status == \"crashed\") | .id'",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let registry = try arguments.openRegistry()
    let runs = try registry.runs()
    if arguments.has("--json") { return try JSONOutput.write(runs.map(\.json)) }
    if runs.isEmpty { return Output.line("No runs in \(registry.path) yet.") }
    Output.write(table(of: runs).text(for: .standardOutput))
  }

  private static func table(of runs: [RunSummary]) -> Table {
    var table = Table([
      .init("ID"), .init("NAME", rank: runs.contains { $0.name != nil } ? 1 : 9, narrowest: 8),
      .init("STATUS"), .init("STARTED", rank: 3), .init("TIME", right: true, rank: 4),
      .init("EPOCHS", right: true), .init("BEST ACC", right: true),
      .init("BEST LOSS", right: true, rank: 2), .init("RECIPE", rank: 5, narrowest: 7),
      .init("DATA", rank: 6, narrowest: 7),
    ])
    let best = runs.compactMap(\.bestValAccuracy).max()
    for run in runs {
      let isBest = run.bestValAccuracy != nil && run.bestValAccuracy == best && runs.count > 1
      table.add([
        .init(String(run.id.prefix(8)), .cyan), .init(run.name ?? ""),
        .init(run.status.rawValue, run.status.style),
        .init(Format.localTime(secondsSince1970: run.started.secondsSince1970)),
        .init(Format.duration(run.durationSeconds)), .init(run.epochsText),
        .init(run.bestValAccuracy.text(Format.percent), isBest ? .bold : .plain),
        .init(run.bestValLoss.text(Format.loss)), .init(run.recipe), .init(run.dataset),
      ])
    }
    return table
  }
}
