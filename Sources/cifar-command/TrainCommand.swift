import Cifar
import CifarCore
import CifarData
import CifarRegistry
import CifarTraining
import CommandSupport

/// `cifar train`: a new run.
enum TrainCommand {
  /// - Parameter processes: that share the training; nil for this one alone.
  static func command(_ processes: Processes?) -> Command {
    Command(
      "train", summary: "trains a model and records the run",
      options: [
        .data,
        recipe,
        .model,
        initialization,
        Option("--epochs", value: "N", help: "epochs at most, such as 24 or 9.9 (else 100)"),
        Option("--batch-size", value: "N", help: "images in a training step (else 64)"),
        Option("--seed", value: "N", help: "where all random numbers come from (else 0)"),
        SeedSeries.option, SeedSeries.count,
        .threads,
        Option("--limit-train", value: "N", help: "use the first N training images only"),
        Option("--limit-test", value: "N", help: "use the first N test images only"),
        .registry,
        Option("--name", value: "TEXT", help: "what to call the run"),
        Option("--tag", value: "TAG", help: "a tag; may be given several times"),
        Option(
          "--group", value: "NAME",
          help: "the run's group: cifar-runs compare --group gives its mean and deviation"),
        .tensorBoard, .busyTimeout, .noPatch, .quiet,
      ] + Processes.options + HyperparameterOptions.all,
      discussion: """
        The test images are the validation set, as in the tutorials; with --validation-split 0.1 a \
        tenth of the training images is, and the test images are looked at once, at the end. Each epoch's metrics and a \
        checkpoint are recorded as soon as the epoch ends; while others hold the registry they wait, \
        and training continues. An epoch's line is printed when it is stored. Ctrl-C, SIGTERM and \
        SIGHUP stop within a batch and leave a checkpoint of it, then end the process as they always \
        do, so that a shell's loop ends too; a second one ends it at once. `cifar resume` continues \
        from there to the same bits as a run that was never stopped. `cifar train | head` trains on \
        when its reader is gone. The run's id is printed last.
        """,
      examples: [
        "cifar train --data shapes --epochs 3",
        "cifar train --recipe keras --name baseline",
        "cifar train --epochs 20 --learning-rate 0.0005 --seed 7 --registry ~/experiments.db",
        "cifar train --optimizer sgd,momentum=0.9 --learning-rate 0.1 --schedule cosine,warmup=5",
        "cifar train --model tutorial-resnet --name resnet",
        "cifar train --recipe keras --seeds 0..4 --group keras && cifar-runs compare --group keras",
        "cifar train --model my-model.json    # cifar summary my-model.json shows it",
        "cifar train --init baseline --learning-rate 1e-4 --name fine-tuned",
        "cifar train --early-stopping patience=5,min_delta=0.001 --label-smoothing 0.1",
      ]
    ) { arguments in
      try Processes.run(processes, arguments) { try run(arguments, processes) }
    }
  }

  static let recipe = Option(
    "--recipe", value: "NAME",
    help: "\(Recipe.list): the hyperparameters of a\ntutorial or a record (else pytorch)",
    choices: Recipe.names)
  static let initialization = Option(
    "--init", value: "RUN|FILE",
    help: "begin with these weights: of a run's best checkpoint, or of a .safetensors\nfile, "
      + "whoever wrote it; what does not fit is named, and drawn")

  static func initialWeights(
    _ arguments: Arguments, for hyperparameters: Hyperparameters
  ) throws -> InitialWeights? {
    try arguments.value("--init").map {
      try InitialWeights(
        named: $0, registryPath: arguments.registryPath(), for: hyperparameters.modelSpec)
    }
  }

  private static func run(_ arguments: Arguments, _ processes: Processes?) throws {
    let request = try request(arguments)
    let series = try SeedSeries(arguments)
    try Registry.check(
      name: arguments.value("--name"), tags: arguments.all("--tag"),
      group: arguments.value("--group"))
    // Before the images are read, which takes a while: what is invalid is refused at once.
    try request.check()
    let limits = (
      train: try arguments.integer("--limit-train", in: 1...Int.max),
      test: try arguments.integer("--limit-test", in: 1...Int.max)
    )
    let threads = try arguments.threads()
    let data = arguments.value("--data")
    let train = try Dataset.open(data, split: .train, limit: limits.train)
    let test = try Dataset.open(train.location ?? data, split: .test, limit: limits.test)
    let hyperparameters = try request.hyperparameters(for: train)
    let weights = try initialWeights(arguments, for: hyperparameters)
    var options = TrainingSession.Options(
      registryPath: try arguments.registryPath(), name: arguments.value("--name"), threads: threads,
      commandLine: CommandLine.text)
    options.tags = arguments.all("--tag")
    options.group = arguments.value("--group")
    try arguments.apply(to: &options)
    let quiet = arguments.has("--quiet")
    func start(
      _ hyperparameters: Hyperparameters, _ options: TrainingSession.Options
    ) throws -> TrainingSession {
      try TrainingSession.start(
        train: train, validation: test, hyperparameters: hyperparameters, weights: weights,
        options: options)
    }
    if let series {
      try series.run(
        hyperparameters, options, quiet: quiet, location: data, images: (train, test),
        weights: weights, processes, registryOption: arguments.registryOption, start: start)
    } else {
      try Training.run(quiet: quiet, processes, continuation: Training.resume(arguments)) {
        try start(hyperparameters, options)
      }
    }
  }

  static func request(_ arguments: Arguments) throws -> TrainingRequest {
    var request = TrainingRequest()
    if let recipe = try arguments.choice("--recipe", of: Recipe.names) { request.recipe = recipe }
    request.overrides = try HyperparameterOptions.overrides(arguments)
    request.epochs = try arguments.epochs()
    request.batchSize = try arguments.integer("--batch-size", in: 1...65_536)
    request.seed = try arguments.unsigned("--seed")
    request.model = try arguments.value("--model").map(ModelOption.text)
    return request
  }
}
