import CifarCore
import CifarRegistry
import CommandSupport
import Glibc

let tool = Tool(
  name: "cifar-runs", version: LibraryVersion.string,
  summary: "finds, compares and looks after the training runs that libcifar recorded",
  commands: [
    ListCommand.command, ShowCommand.command, BestCommand.command, CompareCommand.command,
    MetricsCommand.command, PlotCommand.command, ReportCommand.command, WatchCommand.command,
    UICommand.command, EditCommands.tag, EditCommands.group, EditCommands.note, EditCommands.rename,
    CheckpointsCommand.command,
    ForkCommand.command, ExportCommand.command, ImportCommand.command, RemoveCommands.remove,
    RemoveCommands.restore,
    RemoveCommands.collect, RerunCommand.command, SlimCommand.command, VerifyCommand.command,
    BackupCommand.command, MergeCommands.copy, MergeCommands.merge, DoctorCommand.command,
  ],
  examples: [
    "cifar-runs list                          # the newest runs",
    "cifar-runs list --filter 'val_accuracy > 0.8 and learning_rate < 0.001' --sort val_loss",
    "cifar-runs show 3f2a                     # one run, by the start of its id or by name",
    "cifar-runs compare 3f2a 77c0             # what was different, who did better",
    "cifar-runs plot 3f2a                     # learning curves in the terminal",
    "cifar-runs ui                            # the runs in a browser, live",
    "cifar-runs report 3f2a 77c0 -o r.html    # a page to pass on",
    "cifar-runs list --json | jq '.[0].id'    # for programs",
  ],
  environment: [.registry, .temporaryDirectory, .noColor, .terminal, .columns])

exit(tool.main())
