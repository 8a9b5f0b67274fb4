import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar rerun`: a run again, from its beginning.
enum RerunCommand {
  /// - Parameter processes: that share the training; nil for this one alone.
  static func command(_ processes: Processes?) -> Command {
    Command(
      "rerun", summary: "starts a run again, and says what is different",
      positionals: [Positional("RUN", help: "the run's id, the start of it, or its name")],
      options: [
        .data,
        Option(
          "--init", value: "RUN|FILE",
          help: "where the weights are that the run began with (else where they were)"),
        Option("--threads", value: "N", help: "threads that compute (else as many as it had)"),
        .registry,
        Option("--name", value: "TEXT", help: "what to call the new run"),
        Option("--tag", value: "TAG", help: "a tag; may be given several times"),
        Option("--group", value: "NAME", help: "the new run's group"),
        .tensorBoard, .busyTimeout, .noPatch, .quiet,
      ] + Processes.options,
      discussion: """
        A new run with the hyperparameters, the model, the augmentation, the seed, the images and the \
        number of threads of another one, from the beginning. With the same instruction set and the \
        same version of the library it comes to the same bits. What is different (images, version, \
        instruction set, processor, threads) is said at once and noted with the new run; at the end, \
        the epochs of both are compared. The program's own changes are not undone: \
        `cifar-runs show RUN --environment` and `--patch` have the commit and its changes. A CSV log \
        that the first run wrote is left alone.
        """,
      examples: [
        "cifar rerun baseline",
        "cifar rerun 3f2a --registry theirs.db --data ~/cifar10 --name again",
      ]
    ) { arguments in
      try Processes.run(processes, arguments) { try run(arguments, processes) }
    }
  }

  private static func run(_ arguments: Arguments, _ processes: Processes?) throws {
    let name = arguments.positionals[0]
    let path = try arguments.registryPath()
    var options = TrainingSession.Options(
      registryPath: path, name: arguments.value("--name"), commandLine: CommandLine.text)
    options.tags = arguments.all("--tag")
    options.group = arguments.value("--group")
    try arguments.apply(to: &options)
    let threads = arguments.has("--threads") ? try arguments.threads() : nil
    let before = try Registry(path: path, mode: .readOnly).run(matching: name)
    try Training.run(
      quiet: arguments.has("--quiet"), processes, continuation: Training.resume(arguments)
    ) {
      try TrainingSession.rerun(
        run: before.id, location: arguments.value("--data"), weights: arguments.value("--init"),
        threads: threads, options: options)
    } last: { session in
      try session.runID.map { try comparison(of: before.id, with: $0, path) } ?? nil
    }
  }

  /// How far two runs came to the same numbers; nil where they have no epoch in common.
  private static func comparison(
    of first: String, with second: String, _ path: String
  ) throws -> String? {
    let registry = try Registry(path: path, mode: .readOnly)
    let pairs = Array(zip(try registry.epochs(of: first), try registry.epochs(of: second)))
    guard !pairs.isEmpty else { return nil }
    let learned: [EpochMetric] = [.trainLoss, .trainAccuracy, .valLoss, .valAccuracy]
    for (before, now) in pairs {
      for metric in learned where before[metric]?.bitPattern != now[metric]?.bitPattern {
        func text(_ row: EpochMetrics) -> String { row[metric].map { "\($0)" } ?? "none" }
        return "Epoch \(now.epoch) is the first that differs: \(metric.name) was "
          + "\(text(before)), is \(text(now))."
      }
    }
    return pairs.count == 1
      ? "The epoch has the same losses and accuracies as before, to the bit."
      : "All \(pairs.count) epochs have the same losses and accuracies as before, to the bit."
  }
}
