import Cifar
import CifarCore
import CifarData
import CommandSupport

/// `cifar resume`: resumes a run.
enum ResumeCommand {
  /// - Parameter processes: that share the training; nil for this one alone.
  static func command(_ processes: Processes?) -> Command {
    Command(
      "resume", summary: "resumes a run from one of its checkpoints",
      positionals: [Positional("RUN", help: "the run's id, the start of it, or its name")],
      options: [
        Option(
          "--epochs", value: "N",
          help: "train up to N epochs in all, such as 24 or 9.9 (else as planned)"),
        .checkpoint, .data, .threads, .registry,
        Option(
          "--take-over",
          help: "also a run that seems to be running, because what trained it can't be asked from "
            + "here; what still trains it can write nothing more"),
        .tensorBoard, .busyTimeout, .noPatch, .quiet,
      ] + Processes.options,
      discussion: """
        A run that was interrupted, killed or finished continues from its last checkpoint, or from \
        the one that --checkpoint names, to the same bits as if it had never stopped. The images \
        are looked for where the run had them from; they must be the same. Signals and closed \
        pipes are as with `cifar train`.

        A run that early stopping ended continues where --epochs asks for more: its patience begins \
        again. Where it asks for more than, say, 2.5 epochs, the third, which was trained in part, is \
        trained again. A run counts as running while its process does, and, where that can't be asked (on \
        another machine, in another container), until half an hour after its last sign of life; \
        --take-over does not wait for that.
        """,
      examples: [
        "cifar resume 3f2a", "cifar resume baseline --epochs 150",
        "cifar resume 3f2a --checkpoint best",
      ]
    ) { arguments in
      try Processes.run(processes, arguments) { try run(arguments, processes) }
    }
  }

  private static func run(_ arguments: Arguments, _ processes: Processes?) throws {
    let data = arguments.value("--data")
    let choice = try arguments.checkpointChoice(default: .last)
    let epochs = try arguments.epochs()
    var options = TrainingSession.Options(
      registryPath: try arguments.registryPath(), threads: try arguments.threads(),
      commandLine: CommandLine.text)
    try arguments.apply(to: &options)
    try Training.run(
      quiet: arguments.has("--quiet"), processes, continuation: Training.resume(arguments)
    ) {
      try TrainingSession.resume(
        run: arguments.positionals[0], checkpoint: choice, epochs: epochs, location: data,
        takeOver: arguments.has("--take-over"), options: options)
    }
  }
}
