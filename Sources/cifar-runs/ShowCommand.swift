import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs show`: everything about one run.
enum ShowCommand {
  static var command: Command {
    Command(
      "show", summary: "shows a run: hyperparameters, epochs, checkpoints",
      positionals: [.run],
      options: [
        Option(
          "--environment",
          help: "what each session ran in instead: command, versions, machine, repository"),
        Option(
          "--patch",
          help: "the uncommitted changes that it ran with instead, as git apply takes them"),
        .registry,
      ] + OutputFormat.options,
      discussion: """
        JSON: the keys of 'list', with epochs as an array of objects, and dataset_sha256, seed,
        hyperparameters, model, metrics, checkpoints, sessions, notes, evaluation, validated_on,
        and best_chosen_on and final_chosen_on, the images that chose the best checkpoint and the weights
        that training ended with: "test images", "validation split", or null. An epoch has
        \(EpochMetrics.recordColumns.joined(separator: ", ")).
        A session's environment is an object, null where nothing was noted. With --environment, only
        the sessions, each with git_changes: null for none, or patch, untracked (names),
        truncated, and unknown: why they could not be told, or null.
        Metrics that are not finite are the strings "NaN", "Infinity" and "-Infinity".
        """,
      examples: [
        "cifar-runs show 3f2a91c0",
        "cifar-runs show 3f2a --environment",
        "git checkout COMMIT && cifar-runs show 3f2a --patch | git apply",
        "cifar-runs show 'wide net' --json | jq '.epochs[-1].val_accuracy'",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let registry = try arguments.openRegistry()
    let run = try registry.run(matching: arguments.positionals[0])
    let format = try arguments.format()
    let environment = EnvironmentPage(run: run, registry: registry)
    if arguments.has("--patch") { return try environment.writePatch() }
    if arguments.has("--environment") { return try environment.write(as: format) }
    if format != .table { return Output.write(try run.record, as: format) }
    let page = RunPage(
      run: run, registryOption: arguments.registryOption, terminal: .standardOutput)
    Output.write(try page.text())
  }
}
