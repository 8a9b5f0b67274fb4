import Cifar
import CifarCore
import CifarData
import CommandSupport
import Glibc

/// `cifar evaluate`: how good a stored model is.
enum EvaluateCommand {
  static var command: Command {
    Command(
      "evaluate", summary: "measures a run's model, or an exported one, on test images",
      positionals: [
        Positional("RUN|FILE", help: "a run's id or name, or a .safetensors file")
      ],
      options: [
        .checkpoint, .data,
        Option("--limit-test", value: "N", help: "use the first N test images only"), .threads,
        .registry,
        Option("--json", help: "JSON instead of a line"),
      ],
      discussion: """
        Of a run, the best checkpoint is measured unless --checkpoint names another. Without \
        --data the test images are those that the model was trained with.
        """,
      examples: [
        "cifar evaluate baseline", "cifar evaluate model.safetensors --data ~/cifar10",
        "cifar evaluate 3f2a --checkpoint last --json",
      ], run: run)
  }

  private struct Result: Encodable {
    var loss: JSONValue
    var accuracy: Double
    var images: Int
    var epoch: Int
  }

  private static func run(_ arguments: Arguments) throws {
    let model = try Stored.model(arguments, arguments.positionals[0])
    let limit = try arguments.integer("--limit-test", in: 1...Int.max)
    let data = arguments.value("--data") ?? model.hyperparameters.data?.location
    let recorded =
      arguments.value("--data") == nil
      ? model.hyperparameters.data?.validationCount : nil
    let images = try Dataset.open(data, split: .test, limit: limit ?? recorded)
    let result = try model.evaluate(images)
    if arguments.has("--json") {
      try JSONOutput.write(
        Result(
          loss: .number(result.loss), accuracy: result.accuracy, images: result.count,
          epoch: model.epoch))
    } else {
      Output.line(
        "loss \(Format.loss(result.loss))  accuracy \(Format.percent(result.accuracy))  on "
          + "\(Format.count(result.count)) test images of \(images.location ?? images.name), "
          + "weights of epoch \(model.epoch)")
    }
  }
}

/// A stored model by what a person calls it.
enum Stored {
  /// A file if the name ends like one or is one, else a run.
  static func model(_ arguments: Arguments, _ name: String) throws -> Model {
    let threads = try arguments.threads()
    if name.hasSuffix(".safetensors") || access(name, F_OK) == 0 {
      return try Model(file: name, threads: threads)
    }
    return try Model(
      registryPath: arguments.registryPath(), run: name,
      checkpoint: try arguments.checkpointChoice(default: .best), threads: threads)
  }
}
