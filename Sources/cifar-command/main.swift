import CifarCore
import CommandSupport
import Glibc

let processes: Processes?
do {
  processes = try Processes(CommandLine.arguments)
} catch {
  Output.error("cifar: \(error)")
  exit(1)
}

let tool = Tool(
  name: "cifar", version: LibraryVersion.string,
  summary: "trains convolutional networks on small images and remembers every run",
  commands: [
    TrainCommand.command(processes), ResumeCommand.command(processes),
    RerunCommand.command(processes), RateCommand.command, EvaluateCommand.command,
    PredictCommand.command,
    ExportCommand.command, ImportCommand.command,
    SummaryCommand.command, HyperparametersCommand.command, DataCommand.download, DataCommand.info,
  ],
  examples: [
    "cifar train --data shapes --epochs 3     # the built-in drawings, no download",
    "cifar data download                      # CIFAR-10, 170 MB",
    "cifar train --recipe keras --name first  # the Keras tutorial on it",
    "cifar lr-find --recipe keras             # a learning rate for it",
    "cifar resume first --epochs 120          # continue where it stopped",
    "cifar evaluate first                     # its best checkpoint on the test images",
    "cifar predict first cat.png              # what its best checkpoint takes a picture for",
    "cifar summary tutorial-resnet            # a model's layers, parameters and FLOPs",
  ])

exit(tool.main { processes?.close() })
