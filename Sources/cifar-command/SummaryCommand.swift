import CheckpointFormat
import Cifar
import CifarCore
import CifarNN
import CifarRegistry
import CifarTraining
import CommandSupport

/// `cifar summary`: what a model is made of.
enum SummaryCommand {
  static var command: Command {
    Command(
      "summary", summary: "prints a model's layers, shapes, parameters and FLOPs",
      positionals: [
        Positional(
          "MODEL|FILE|RUN",
          help: "\(ModelSpec.presetNames.joined(separator: ", ")); a JSON file with a list of "
            + "layers or a .safetensors file; a run's id or name (else tutorial); ./NAME is always a file",
          required: false, choices: ModelSpec.presetNames)
      ],
      options: [
        Option(
          "--recipe", value: "NAME",
          help: "\(Recipe.list): whose dialect decides what\na named model or a file leaves out "
            + "(else pytorch)", choices: Recipe.names),
        Option("--classes", value: "N", help: "that a named model tells apart (else 10)"),
        Option(
          "--plan",
          help: "how the model is computed: layers that share a pass over memory,\nbuffers and "
            + "their bytes"),
        Option("--inference", help: "with --plan: for a model that is only asked"),
        Option("--batch-size", value: "N", help: "with --plan: images of a batch (else 64)"),
        Option(
          "--precision", value: "NAME",
          help: "with --plan: float32, mixed_bfloat16, or int8 of a quantized model"),
        .threads, .registry,
        Option("--json", help: "JSON instead of a table"),
      ],
      discussion: """
        Shapes are (None, C, H, W) or (None, N), None being the number of images. What is in a \
        residual block is indented; every line has the layer's own numbers, so a column adds up \
        to the total. FLOPs are additions and multiplications for one image. Options are those \
        that the shape does not tell, with the values that a training has.

        With --plan, [a] → b → moments of c is a convolution b that computes its input by the \
        layers a as it reads it, and takes the moments for c as it writes. What is not stored is \
        computed where it is read.
        """,
      examples: [
        "cifar summary", "cifar summary tutorial-resnet --recipe keras",
        "cifar summary my-model.json", "cifar summary baseline --json",
        "cifar summary tutorial --plan",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let recipe = try arguments.choice("--recipe", of: Recipe.names) ?? "pytorch"
    let classes = try arguments.integer("--classes", in: 2...1000) ?? 10
    let name = arguments.positionals.first ?? "tutorial"
    let dialect = try Recipe.named(recipe).dialect
    let spec: ModelSpec
    if ModelSpec.presetNames.contains(name) {
      spec = try .preset(name, dialect: dialect, classes: classes)
    } else if FileName.isFile(name), isWrittenLikeFile(name) {
      spec = try file(name, dialect)
    } else {
      spec = try run(name, dialect, arguments)
    }
    if arguments.has("--plan") { return try plan(spec, arguments) }
    for option in ["--inference", "--batch-size", "--precision", "--threads"]
    where arguments.has(option) || arguments.value(option) != nil {
      throw UsageError("\(option) goes with --plan")
    }
    let summary = try ModelSummary(of: spec)
    if arguments.has("--json") { return try JSONOutput.write(summary) }
    Output.write(summary.text)
  }

  private static func plan(_ spec: ModelSpec, _ arguments: Arguments) throws {
    let precision = try arguments.choice("--precision", of: Precision.allCases.map(\.rawValue))
    let summary = try PlanSummary(
      of: spec, training: !arguments.has("--inference"),
      batchSize: try arguments.integer("--batch-size", in: 1...65_536) ?? 64,
      threads: try arguments.threads(),
      precision: precision.flatMap(Precision.init(rawValue:)) ?? .float32)
    if arguments.has("--json") { return try JSONOutput.write(summary) }
    Output.write(summary.text)
  }

  private static func isWrittenLikeFile(_ name: String) -> Bool {
    FileName.looksLikeModel(name) || name.hasSuffix(".safetensors")
  }

  private static func file(_ name: String, _ dialect: Dialect) throws -> ModelSpec {
    guard name.hasSuffix(".safetensors") else {
      return try ModelSpec(json: ModelOption.json(of: name)).resolved(for: dialect)
    }
    return try Model(file: name, threads: 1).hyperparameters.modelSpec
  }

  /// The model of a run or, where there is none of that name, of a file that is called like one.
  private static func run(
    _ name: String, _ dialect: Dialect, _ arguments: Arguments
  ) throws -> ModelSpec {
    do {
      let registry = try Registry(path: arguments.registryPath(), mode: .readOnly)
      return try ModelSpec(json: registry.run(matching: name).model)
    } catch let error as CifarError where error.code == .notFound {
      if FileName.isFile(name) { return try file(name, dialect) }
      throw CifarError(
        .notFound,
        "'\(name)' is none of \(ModelSpec.presetNames.joined(separator: ", ")), no file, and no "
          + "run: \(error.message)")
    }
  }
}
