import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs show`: everything about one run.
enum ShowCommand {
  static var command: Command {
    Command(
      "show", summary: "shows a run: hyperparameters, epochs, checkpoints",
      positionals: [.run], options: [.registry] + OutputFormat.options,
      discussion: """
        JSON: the keys of 'list', with epochs as an array of objects, and dataset_sha256, seed,
        hyperparameters, model, metrics, checkpoints, sessions, notes, evaluation and chosen_on (the
        images that chose the epoch: "test images", "validation split", or null). An epoch has
        \(EpochMetrics.recordColumns.joined(separator: ", ")).
        Metrics that are not finite are the strings "NaN", "Infinity" and "-Infinity".
        """,
      examples: [
        "cifar-runs show 3f2a91c0",
        "cifar-runs show 'wide net' --json | jq '.epochs[-1].val_accuracy'",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let registry = try arguments.openRegistry()
    let run = try registry.run(matching: arguments.positionals[0])
    let format = try arguments.format()
    if format != .table { return Output.write(try run.record, as: format) }
    let page = RunPage(
      run: run, registryOption: arguments.value("--registry"), terminal: .standardOutput)
    Output.write(try page.text())
  }
}
