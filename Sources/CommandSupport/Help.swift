extension Tool {
  /// What `--help` prints.
  public func help() -> String {
    var text = "\(name): \(summary)\n\nUsage: \(name) COMMAND [OPTIONS]\n\nCommands:\n"
    text += Help.list(commands.map { ($0.name, $0.summary) })
    text += "\nOptions:\n"
    text += Help.list([
      ("--help", "show this help; COMMAND --help shows a command's own"),
      ("--version", "show the version"),
      ("completion SHELL", "print completions for bash, zsh or fish"),
      ("man", "print the manual page: man <(\(name) man)"),
    ])
    return text + Help.examples(examples)
  }

  /// What `GROUP --help` prints for commands of several words.
  func help(forGroup word: String, of commands: [Command]) -> String {
    "Usage: \(name) \(word) COMMAND [OPTIONS]\n\nCommands:\n"
      + Help.list(commands.map { ($0.name, $0.summary) })
  }

  /// What `COMMAND --help` prints.
  public func help(for command: Command) -> String {
    var usage = "\(name) \(command.name)"
    for positional in command.positionals {
      usage += " " + positional.usage
    }
    if !command.options.isEmpty { usage += " [OPTIONS]" }
    var text = "\(name) \(command.name): \(command.summary)\n\nUsage: \(usage)\n"
    if !command.discussion.isEmpty { text += "\n\(command.discussion)\n" }
    if !command.positionals.isEmpty {
      text += "\nArguments:\n" + Help.list(command.positionals.map { ($0.name, $0.help) })
    }
    let options = command.options + [Option("--help", short: "-h", help: "show this help")]
    text += "\nOptions:\n" + Help.list(options.map { (Help.title(of: $0), $0.help) })
    return text + Help.examples(command.examples)
  }
}

enum Help {
  static func title(of option: Option) -> String {
    let names = (option.short.map { "\($0), " } ?? "") + option.name
    return option.value.map { "\(names) \($0)" } ?? names
  }

  static func list(_ entries: [(title: String, text: String)]) -> String {
    let widest = entries.map { TextWidth.columns($0.title) }.max() ?? 0
    var text = ""
    for entry in entries {
      let lines = entry.text.split(separator: "\n", omittingEmptySubsequences: false)
      text += "  \(TextWidth.pad(entry.title, to: widest))  \(lines.first ?? "")\n"
      for line in lines.dropFirst() {
        text += String(repeating: " ", count: widest + 4) + line + "\n"
      }
    }
    return text
  }

  static func examples(_ lines: [String]) -> String {
    guard !lines.isEmpty else { return "" }
    return "\nExamples:\n" + lines.map { "  \($0)\n" }.joined()
  }
}
