import Cifar
import CifarCore
import CifarData
import CommandSupport

/// `cifar data …`: getting and looking at data sets.
enum DataCommand {
  static var download: Command {
    Command(
      "data download",
      summary: "gets CIFAR-10 or CIFAR-100 from its publisher, verifies and unpacks it",
      options: [
        Option(
          "--dataset", value: "NAME", help: "cifar10 or cifar100 (else cifar10)",
          choices: ["cifar10", "cifar100"]),
        Option("--dir", value: "DIR", help: "where to (else $CIFAR10_DIR, else ~/.cache/cifar10)"),
        Option(
          "--layout", value: "NAME", help: "binary or python (else binary)",
          choices: ["binary", "python"]),
        Option("--url", value: "URL", help: "where from (else $CIFAR10_URL, else the publisher)"),
        .quiet,
      ],
      discussion: """
        Uses the system's curl, md5sum and tar. A download that breaks off continues where it \
        stopped, also when the command is run again. A directory that has some of the files gets \
        the others; a file that is not the published one is kept under another name.
        """,
      examples: [
        "cifar data download", "cifar data download --dir ./data --layout python",
        "cifar data download --dataset cifar100",
      ],
      run: { arguments in
        let layout = try arguments.choice("--layout", of: ["binary", "python"]) ?? "binary"
        let name = try arguments.choice("--dataset", of: ["cifar10", "cifar100"]) ?? "cifar10"
        let archive: Download.Archive =
          name == "cifar100"
          ? (layout == "python" ? .python100 : .binary100)
          : (layout == "python" ? .python : .binary)
        var download = try Download(
          archive: archive, baseURL: arguments.value("--url"),
          directory: arguments.value("--dir"),
          showsProgress: Terminal.standardError.canRedraw && !arguments.has("--quiet"))
        // What was unpacked half is cleared away before the process ends.
        Interruption.handle()
        download.check = { try Interruption.check() }
        Output.line(try download.run { Output.error("cifar: \($0)") })
      })
  }

  static var info: Command {
    Command(
      "data info", summary: "tells which data set would be used",
      options: [.data],
      examples: ["cifar data info", "cifar data info --data shapes"],
      run: { arguments in
        let train = try Dataset.open(arguments.value("--data"), split: .train)
        let test = try Dataset.open(train.location, split: .test)
        var table = Table(withoutTitles: [.init(""), .init("")])
        table.add([.init("name"), .init(train.name)])
        table.add([.init("location"), .init(train.location ?? "memory")])
        table.add([.init("image shape"), .init("\(train.shape)")])
        table.add([.init("training images"), .init(Format.count(train.count))])
        table.add([.init("test images"), .init(Format.count(test.count))])
        table.add([.init("classes"), .init(train.classNames.joined(separator: ", "))])
        table.add([.init("training SHA-256"), .init(train.contentHash)])
        table.add([.init("test SHA-256"), .init(test.contentHash)])
        Output.write(table.text(for: .standardOutput))
      })
  }
}
