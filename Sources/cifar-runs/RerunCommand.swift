import CifarCore
import CommandSupport
import Glibc

/// `cifar-runs rerun`: becomes `cifar rerun`, as training is that command's.
enum RerunCommand {
  static var command: Command {
    Command(
      "rerun", summary: "starts a run again, by cifar rerun, and says what is different",
      positionals: [Positional("RUN", help: "the run's id, the start of it, or its name")],
      options: [
        Option("--data", value: "DIR|NAME", help: "where the images are (else where they were)"),
        Option("--init", value: "RUN|FILE", help: "the weights to begin with, if it had some"),
        Option("--threads", value: "N", help: "threads that compute (else as many as it had)"),
        .registry,
        Option("--name", value: "TEXT", help: "what to call the new run"),
        Option("--tag", value: "TAG", help: "a tag; may be given several times"),
        Option("--group", value: "NAME", help: "the new run's group"),
        Option("--tensorboard", value: "DIR", help: "also write event files for TensorBoard there"),
        Option("--busy-timeout", value: "S", help: "see cifar rerun --help"),
        Option("--no-patch", help: "see cifar rerun --help"),
        Option("--quiet", help: "print nothing but the new run's id"),
      ],
      discussion: """
        The command cifar, which trains, must be beside this one or in $PATH; `cifar rerun --help` \
        says more.
        """,
      examples: ["cifar-runs rerun baseline"], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let words = ["cifar"] + CommandLine.arguments.dropFirst()
    let pointers = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    if let own = realpath("/proc/self/exe", nil) {
      defer { free(own) }
      let path = String(cString: own)
      if let end = path.lastIndex(of: "/") { execv(path[...end] + "cifar", pointers) }
    }
    execvp("cifar", pointers)
    throw CifarError(
      .unsupported,
      "the command cifar, which trains, is not beside cifar-runs and not in $PATH: "
        + String(cString: strerror(errno)))
  }
}
