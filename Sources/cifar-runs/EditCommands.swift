import CifarRegistry
import CommandSupport

/// `tag`, `group`, `note` and `rename`: what people write on runs.
enum EditCommands {
  static var tag: Command {
    Command(
      "tag", summary: "puts tags on a run, or takes them off",
      positionals: [.run, Positional("TAG", help: "a word to find the run by", repeats: true)],
      options: [Option("--remove", short: "-d", help: "take the tags off"), .registry],
      examples: ["cifar-runs tag 3f2a baseline", "cifar-runs tag 3f2a --remove baseline"]
    ) { arguments in
      let registry = try arguments.openRegistryForWriting()
      for tag in arguments.positionals.dropFirst() {
        if arguments.has("--remove") {
          try registry.untag(arguments.positionals[0], tag)
        } else {
          try registry.tag(arguments.positionals[0], tag)
        }
      }
    }
  }

  static var group: Command {
    Command(
      "group", summary: "puts runs into a group, or takes them out",
      positionals: [.runs],
      options: [
        Option("--name", value: "NAME", help: "the group; a run is in one at most"),
        Option("--clear", help: "take the runs out of theirs"), .registry,
      ],
      discussion: """
        A group holds what belongs together, such as the seeds of one configuration: `cifar-runs \
        compare --group` gives its mean and deviation, `list --group` its runs. `cifar train --group` \
        puts a new run into one.
        """,
      examples: [
        "cifar-runs group 3f2a 77c0 --name baseline", "cifar-runs group 3f2a --clear",
        "cifar-runs compare --group baseline --group wide",
      ]
    ) { arguments in
      let name = arguments.value("--name")
      guard arguments.has("--clear") != (name != nil) else {
        throw UsageError("give either --name NAME or --clear")
      }
      let registry = try arguments.openRegistryForWriting()
      for run in arguments.positionals { try registry.setGroup(run, to: name) }
    }
  }

  static var note: Command {
    Command(
      "note", summary: "adds a note to a run, or shows its notes",
      positionals: [
        .run,
        Positional(
          "TEXT", help: "what to note; - reads it from the input",
          required: false),
      ],
      options: [.registry] + OutputFormat.options,
      examples: [
        "cifar-runs note 3f2a 'learning rate too high after epoch 12'",
        "git diff | cifar-runs note 3f2a -", "cifar-runs note 3f2a",
      ]
    ) { arguments in
      let run = arguments.positionals[0]
      guard arguments.positionals.count > 1 else { return try showNotes(of: run, arguments) }
      var text = arguments.positionals[1]
      if text == "-" {
        text = ""
        while let line = readLine(strippingNewline: false) { text += line }
      }
      try arguments.openRegistryForWriting().note(run, text)
      if try arguments.format() != .table { try showNotes(of: run, arguments) }
    }
  }

  private static func showNotes(of run: String, _ arguments: Arguments) throws {
    let notes = try arguments.openRegistry().run(matching: run).notes
    let format = try arguments.format()
    if format != .table {
      return Output.write(notes.map(\.record), as: format, columns: ["created", "text"])
    }
    for note in notes {
      let time = Format.localTime(secondsSince1970: note.created.secondsSince1970)
      for (index, line) in note.text.split(whereSeparator: \.isNewline).enumerated() {
        Output.line((index == 0 ? time : "                ") + "  \(line)")
      }
    }
  }

  static var rename: Command {
    Command(
      "rename", summary: "gives a run another name",
      positionals: [.run, Positional("NAME", help: "the new name", required: false)],
      options: [Option("--clear", help: "take the name away"), .registry],
      examples: ["cifar-runs rename 3f2a baseline", "cifar-runs rename baseline --clear"]
    ) { arguments in
      guard arguments.has("--clear") != (arguments.positionals.count > 1) else {
        throw UsageError("give either a NAME or --clear")
      }
      try arguments.openRegistryForWriting().rename(
        arguments.positionals[0],
        to: arguments.has("--clear") ? nil : arguments.positionals[1])
    }
  }
}
