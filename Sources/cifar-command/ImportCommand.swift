import Cifar
import CifarCore
import CifarRegistry
import CifarTraining
import CommandSupport
import Interchange

/// `cifar import`: weights of another program as a model.
enum ImportCommand {
  static var command: Command {
    Command(
      "import", summary: "takes up weights that another program trained",
      positionals: [Positional("FILE", help: "a .safetensors file, such as PyTorch's")],
      options: [
        .model,
        Option(
          "--recipe", value: "NAME",
          help: "\(Recipe.list): whose\nbatch norm and normalization of images the model has (else "
            + "pytorch)", choices: Recipe.names),
        Option(
          "--hyperparameters", value: "JSON",
          help: "more of the model, such as\n{\"normalization\": {\"mean\": [0.5, 0.5, 0.5], "
            + "\"std\": [0.25, 0.25, 0.25]}}"),
        Option("--class-names", value: "A,B,…", help: "what the classes are called (else 0, 1, …)"),
        Option(
          "--output", short: "-o", value: "FILE",
          help: "write the model to a safetensors file, in place of a run"),
        Option("--name", value: "TEXT", help: "what to call the run"), .force, .registry,
      ],
      discussion: """
        The tensors' names may be those of a flat nn.Sequential of the same layers (0.weight, …), of \
        the tutorial's class (conv_block1.0.weight to fc.4.bias) or of a checkpoint, after any prefix \
        that all share; num_batches_tracked may be there or not; F16, BF16 and F64 become float32. \
        A file that this library exported knows its model itself. \
        The run has not begun: `cifar evaluate` and `cifar export` take it, `cifar resume` with --data \
        trains it, and `cifar train --init FILE` trains a new run that begins with the file. \
        Prints the run's id.
        """,
      examples: [
        "cifar import torch.safetensors --name theirs && cifar evaluate theirs --data ~/cifar10",
        "cifar import torch.safetensors --model my-model.json -o model.safetensors",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let file = arguments.positionals[0]
    let model = try WeightsOption.model(arguments, file)
    if let output = arguments.value("--output") {
      let options = ExportOptions(.weights)
      if output != "-" { try options.format.check(name: output) }
      let bytes = try model.exported(options)
      return try arguments.write(to: output, as: options.format.kind) { try $0.write(bytes) }
    }
    let directory = GitCommit.workingDirectory()
    let imported = try RunImport.run(
      of: model, from: file,
      to: { try Registry(path: arguments.registryPath(), mode: .readWrite(create: true)) },
      name: arguments.value("--name"),
      session: SessionInfo(
        libraryVersion: LibraryVersion.string, instructionSet: "", threads: 0,
        commandLine: CommandLine.text, workingDirectory: directory,
        gitCommit: directory.flatMap(GitCommit.current)))
    Output.line(imported.run)
  }
}

/// A file of weights, and what the command line says of the model that they belong to.
enum WeightsOption {
  static func model(_ arguments: Arguments, _ file: String) throws -> Model {
    var request = TrainingRequest()
    if let recipe = try arguments.choice("--recipe", of: Recipe.names) { request.recipe = recipe }
    request.overrides = arguments.value("--hyperparameters").map { [$0] } ?? []
    request.model = try arguments.value("--model").map(ModelOption.text)
    let names = arguments.value("--class-names").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    return try Model(weightsFile: file, request: request, classNames: names, threads: 1)
  }
}
