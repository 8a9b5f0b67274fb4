extension Tool {
  /// What `--help` prints.
  public func help(width: Int = Help.width) -> String {
    var text = Help.wrapped("\(name): \(summary)", to: width)
    text += "\nUsage: \(name) COMMAND [OPTIONS]\n\nCommands:\n"
    text += Help.list(commands.map { ($0.name, $0.summary) }, width)
    text += "\nOptions:\n"
    text += Help.list(
      [
        ("--help", "show this help; COMMAND --help shows a command's own"),
        ("--version", "show the version"),
        ("completion SHELL", "print completions for bash, zsh or fish"),
        ("man", "print the manual page: man <(\(name) man)"),
      ], width)
    return text + Help.examples(examples)
  }

  /// What `GROUP --help` prints for commands of several words.
  func help(forGroup word: String, of commands: [Command], width: Int = Help.width) -> String {
    "Usage: \(name) \(word) COMMAND [OPTIONS]\n\nCommands:\n"
      + Help.list(commands.map { ($0.name, $0.summary) }, width)
  }

  /// What `COMMAND --help` prints.
  public func help(for command: Command, width: Int = Help.width) -> String {
    var usage = "Usage: \(name) \(command.name)"
    for positional in command.positionals {
      usage += " " + positional.usage
    }
    if !command.options.isEmpty { usage += " [OPTIONS]" }
    var text = Help.wrapped("\(name) \(command.name): \(command.summary)", to: width)
    text += "\n" + Help.wrapped(usage, to: width, hanging: 4)
    let discussion = command.discussion()
    if !discussion.isEmpty { text += "\n" + Help.paragraphs(discussion, width) }
    if !command.positionals.isEmpty {
      text += "\nArguments:\n" + Help.list(command.positionals.map { ($0.name, $0.help) }, width)
    }
    let options = command.options + [Option("--help", short: "-h", help: "show this help")]
    text += "\nOptions:\n" + Help.list(options.map { (Help.title(of: $0), $0.help) }, width)
    return text + Help.examples(command.examples)
  }
}

/// Help as text of a certain width.
public enum Help {
  /// The terminal's, or `$COLUMNS`, or 80; no more than can be read well.
  public static var width: Int {
    let width = Terminal.standardOutput.width ?? Terminal.columns ?? 80
    return min(max(width, 30), 100)
  }

  static func title(of option: Option) -> String {
    let names = (option.short.map { "\($0), " } ?? "") + option.name
    return option.value.map { "\(names) \($0)" } ?? names
  }

  /// Two columns; a title that is too wide for its own has its text on the next line.
  static func list(_ entries: [(title: String, text: String)], _ width: Int) -> String {
    let room = max(10, width * 2 / 5 - 4)
    let widest = entries.map { TextWidth.columns($0.title) }.filter { $0 <= room }.max() ?? room
    let indent = widest + 4
    var text = ""
    for entry in entries {
      let body = unwrapped(entry.text)
      if TextWidth.columns(entry.title) > widest {
        text += "  \(entry.title)\n"
        text += wrapped(body, to: width, first: indent, hanging: indent)
      } else {
        let title = "  " + TextWidth.pad(entry.title, to: widest) + "  "
        text += title + wrapped(body, to: width, used: indent, hanging: indent)
      }
    }
    return text
  }

  static func examples(_ lines: [String]) -> String {
    guard !lines.isEmpty else { return "" }
    return "\nExamples:\n" + lines.map { "  \($0)\n" }.joined()
  }

  /// Paragraphs again at this width. A line that is indented stays a line; what is wrapped of it stands
  /// under its second column, which two spaces begin, if it has one.
  static func paragraphs(_ text: String, _ width: Int) -> String {
    var result = ""
    var pending: [Substring] = []
    func flush() {
      if !pending.isEmpty { result += wrapped(pending.joined(separator: " "), to: width) }
      pending = []
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.isEmpty {
        flush()
        result += "\n"
      } else if line.hasPrefix(" ") {
        flush()
        result += wrapped(line: line, to: width)
      } else {
        pending.append(line)
      }
    }
    flush()
    return result
  }

  private static func wrapped(line: Substring, to width: Int) -> String {
    let body = line.drop { $0 == " " }
    let indent = line.count - body.count
    guard let gap = body.firstRange(of: "  ") else {
      return wrapped(String(body), to: width, first: indent, hanging: indent)
    }
    let head = body[..<gap.lowerBound]
    let tail = body[gap.upperBound...].drop { $0 == " " }
    let column = indent + body.count - tail.count
    let start = String(repeating: " ", count: indent) + head
    return TextWidth.pad(start, to: column)
      + wrapped(String(tail), to: width, used: column, hanging: column)
  }

  /// Line ends within a text are where its author broke it, not where a reader needs it.
  static func unwrapped(_ text: String) -> String { text.replacing("\n", with: " ") }

  /// Lines of at most `width` columns, as far as single words allow, each with its end.
  ///
  /// - Parameters:
  ///   - first: spaces before the first line.
  ///   - used: columns that the first line has already.
  ///   - hanging: spaces before all others.
  static func wrapped(
    _ text: String, to width: Int, first: Int = 0, used: Int = 0, hanging: Int = 0
  ) -> String {
    var result = String(repeating: " ", count: first)
    var column = first + used
    var isFirst = true
    for word in text.split(separator: " ") {
      let size = TextWidth.columns(String(word))
      if !isFirst, column + 1 + size > width {
        // A word that is too long for the column begins left of it.
        column = max(0, min(hanging, width - size))
        result += "\n" + String(repeating: " ", count: column)
        isFirst = true
      }
      result += (isFirst ? "" : " ") + word
      column += size + (isFirst ? 0 : 1)
      isFirst = false
    }
    return result + "\n"
  }
}
