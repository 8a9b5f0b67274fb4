import CheckpointFormat
import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar export`: a checkpoint as a file.
enum ExportCommand {
  static var command: Command {
    Command(
      "export", summary: "writes a checkpoint to a safetensors file",
      positionals: [Positional("RUN", help: "the run's id, the start of it, or its name")],
      options: [
        .checkpoint,
        Option(
          "--output", short: "-o", value: "FILE",
          help: "the file to write, - for standard output (required)"),
        .force, .registry,
      ],
      discussion: """
        The file opens in safetensors as it is: weights and batch-norm statistics under the names \
        of a PyTorch nn.Sequential of the same layers (0.weight, 1.running_mean, …), the \
        averaged ones of a run with ema; what the optimizer needs besides under optimizer.…, \
        hyperparameters and the trainer's state in the metadata. \
        Without --checkpoint it is the best one.
        """,
      examples: [
        "cifar export baseline -o baseline.safetensors",
        "cifar export 3f2a --checkpoint last -o last.safetensors",
        "cifar export 3f2a -o - | ssh elsewhere 'cat > 3f2a.safetensors'",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    guard let file = arguments.value("--output") else {
      throw UsageError("-o FILE is missing")
    }
    let choice = try arguments.checkpointChoice(default: .best)
    let registry = try Registry(path: arguments.registryPath(), mode: .readOnly)
    let row = try registry.checkpoint(choice, of: arguments.positionals[0])
    try arguments.write(to: file, as: .checkpoint) { output in
      try registry.readCheckpoint(row.id) { try output.write($0) }
    }
    guard file != "-" else { return }
    Output.line("\(file): checkpoint \(row.id) of epoch \(row.epoch), \(Format.bytes(row.size))")
  }
}
