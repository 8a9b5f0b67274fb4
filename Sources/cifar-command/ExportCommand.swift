import CheckpointFormat
import Cifar
import CifarCore
import CifarRegistry
import CommandSupport
import Interchange

/// `cifar export`: a model as a file.
enum ExportCommand {
  static var command: Command {
    Command(
      "export", summary: "writes a model as safetensors, ONNX, or a PyTorch or Keras script",
      positionals: [
        Positional(
          "RUN|FILE", help: "a run's id, the start of it, or its name; or a .safetensors file")
      ],
      options: [
        .checkpoint,
        Option(
          "--output", short: "-o", value: "FILE",
          help: "the file to write, - for standard output (required)"),
        Option(
          "--format", value: "NAME",
          help: "weights, checkpoint, onnx, pytorch or keras (else by the file's name:\nonnx if it "
            + "ends in .onnx, else weights)", choices: ExportFormat.allCases.map(\.rawValue)),
        Option("--weights-only", help: "the same as --format weights, and what is usual"),
        Option(
          "--names", value: "NAME",
          help: "what weights are called: sequential (0.weight, as in a flat nn.Sequential)\nor "
            + "tutorial (conv_block1.0.weight to fc.4.bias; else that where it fits)",
          choices: WeightNames.allCases.map(\.rawValue)),
        Option(
          "--keep-batch-norm",
          help: "of ONNX: batch norm stays a node of its own (else it becomes part of the\nweights "
            + "before it)"),
        Option(
          "--int8",
          help: "quantize the model: weights and the numbers between layers become 8-bit integers"),
        .calibration,
        Option(
          "--data", value: "DIR",
          help: "with --int8: where the training images are (else where they were)"),
        .force, .registry,
      ],
      discussion: """
        Weights, batch-norm statistics among them, are all that a model is, as \
        `load_state_dict(load_file(FILE))` of a PyTorch class takes them, strictly. A checkpoint has \
        all that a training needs to continue, and is three times as large: besides the weights what \
        the optimizer keeps, under optimizer.…, and the trainer's state in the metadata; \
        `cifar-runs import` makes a run of it elsewhere, to resume. `cifar evaluate` and \
        `cifar train --init` take both. \
        ONNX takes bytes, (N, channels, height, width), and gives probabilities. A script builds the model in PyTorch \
        or Keras and loads the weights, which are written beside it. \
        A run with ema has the averaged weights in all of them. \
        --int8 quantizes the model with images of the training set; what comes out is a model like any \
        other but that it can't be trained, four times as small, and ONNX has QuantizeLinear and \
        DequantizeLinear in it. \
        Without --checkpoint it is the best one. docs/interchange.md shows the other side of each \
        format.
        """,
      examples: [
        "cifar export baseline -o baseline.safetensors",
        "cifar export baseline -o baseline.onnx",
        "cifar export baseline --format pytorch -o baseline.py && python baseline.py",
        "cifar export baseline --int8 -o small.safetensors && cifar evaluate small.safetensors",
        "cifar export 3f2a --format checkpoint --checkpoint last -o last.safetensors",
        "cifar export 3f2a --format checkpoint -o - | ssh elsewhere 'cat > 3f2a.safetensors'",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    guard let file = arguments.value("--output") else {
      throw UsageError("-o FILE is missing")
    }
    let options = try options(arguments, file: file)
    if options.format == .checkpoint {
      return try writeCheckpoint(arguments, to: file)
    }
    var model = try Stored.model(arguments, arguments.positionals[0])
    if arguments.has("--int8") { model = try Stored.quantized(model, arguments) }
    let bytes = try model.exported(options)
    let epoch = "of epoch \(model.epoch)"
    if options.format.isScript, file != "-" {
      // As `Model.export` does it.
      try FileWriter.check(file, as: options.format.kind, force: arguments.has("--force"))
      let beside = ExportFormat.weights(beside: file)
      let weights = try model.exported(.scriptWeights)
      try arguments.write(to: beside, as: .checkpoint) { try $0.write(weights) }
      Output.line("\(beside): weights \(epoch), \(Format.bytes(weights.count))")
    }
    try arguments.write(to: file, as: options.format.kind) { try $0.write(bytes) }
    guard file != "-" else { return }
    Output.line(
      "\(file): \(options.format.rawValue) \(epoch), \(Format.bytes(bytes.count))")
  }

  /// A run's checkpoint goes from the registry to the file as it is, piece by piece.
  private static func writeCheckpoint(_ arguments: Arguments, to file: String) throws {
    let name = arguments.positionals[0]
    guard case .run = StoredName(name) else {
      return try writeCheckpoint(ofFile: name, arguments, to: file)
    }
    let choice = try arguments.checkpointChoice(default: .best)
    let registry: Registry
    let row: CheckpointRow
    do {
      registry = try Registry(path: arguments.registryPath(), mode: .readOnly)
      row = try registry.checkpoint(choice, of: name)
    } catch let error as CifarError where error.code == .notFound && FileName.isFile(name) {
      return try writeCheckpoint(ofFile: name, arguments, to: file)
    }
    try arguments.write(to: file, as: .checkpoint) { output in
      try registry.readCheckpoint(row.id) { try output.write($0) }
    }
    if row.isWeightsOnly {
      Output.error(
        "cifar: checkpoint \(row.id) of run \(row.run.prefix(8)) has its weights only (cifar-runs slim "
          + "took the rest): no training can continue from \(file == "-" ? "it" : file.excerpt)")
    }
    guard file != "-" else { return }
    Output.line("\(file): checkpoint \(row.id) of epoch \(row.epoch), \(Format.bytes(row.size))")
  }

  private static func writeCheckpoint(
    ofFile name: String, _ arguments: Arguments, to file: String
  ) throws {
    let bytes = try Stored.model(arguments, name).checkpoint()
    try arguments.write(to: file, as: .checkpoint) { try $0.write(bytes) }
    if file != "-" { Output.line("\(file): checkpoint, \(Format.bytes(bytes.count))") }
  }

  private static func options(_ arguments: Arguments, file: String) throws -> ExportOptions {
    let word = try arguments.choice("--format", of: ExportFormat.allCases.map(\.rawValue))
    var format = word.flatMap(ExportFormat.init(rawValue:))
    if arguments.has("--weights-only") {
      guard format == nil || format == .weights else {
        throw UsageError("--weights-only is --format weights, not \(format?.rawValue ?? "")")
      }
      format = .weights
    }
    var options = ExportOptions(format ?? ExportFormat.only(for: file) ?? .weights)
    if file != "-" { try options.format.check(name: file) }
    if let names = try arguments.choice("--names", of: WeightNames.allCases.map(\.rawValue)) {
      guard options.format == .weights else {
        throw UsageError("--names is for weights; \(options.format.rawValue) has its own")
      }
      options.names = try WeightNames(named: names)
    }
    if arguments.has("--int8") {
      guard options.format != .checkpoint else {
        throw UsageError(
          "--int8 is not for checkpoints: a quantized model is not trained, and its weights are all of it"
        )
      }
    } else if let option = ["--calibration", "--data"].first(where: { arguments.value($0) != nil })
    {
      throw UsageError("\(option) is for --int8")
    }
    if arguments.has("--keep-batch-norm") {
      guard options.format == .onnx else { throw UsageError("--keep-batch-norm is for ONNX") }
      options.keepsBatchNorm = true
    }
    return options
  }
}
