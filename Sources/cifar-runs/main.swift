import CifarCore
import CifarRegistry
import CommandSupport
import Glibc

let tool = Tool(
  name: "cifar-runs", version: LibraryVersion.string,
  summary: "lists the training runs that libcifar recorded",
  commands: [ListCommand.command, ShowCommand.command],
  examples: [
    "cifar-runs list                          # every run, newest first",
    "cifar-runs show 3f2a                     # one run, by the start of its id or by name",
    "cifar-runs list --json | jq '.[0].id'    # for programs",
  ])

exit(tool.main(Array(CommandLine.arguments.dropFirst())))
