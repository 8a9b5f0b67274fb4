import CifarCore

/// A command line tool as data: what it is called, what it can do, how to use it.
public struct Tool {
  public var name: String
  public var version: String
  /// One line: what the tool is for.
  public var summary: String
  public var commands: [Command]
  /// Whole command lines that teach by example, shown at the end of `--help`.
  public var examples: [String]
  /// What its commands read, for the manual page.
  public var environment: [EnvironmentVariable]

  public init(
    name: String, version: String, summary: String, commands: [Command], examples: [String] = [],
    environment: [EnvironmentVariable] = EnvironmentVariable.allCases
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    self.commands = commands
    self.examples = examples
    self.environment = environment
  }
}

/// One command of a tool.
public struct Command {
  /// One word, or several for a command in a group: `train`, `data download`.
  public var name: String
  /// One line: what the command does.
  public var summary: String
  public var positionals: [Positional]
  public var options: [Option]
  /// Options of another command that people may bring along, and that have no part in this one.
  public var unused: [String]
  /// Makes the paragraphs shown under the summary in the command's `--help`.
  public var discussion: () -> String
  public var examples: [String]
  /// Does the work. Throws a `UsageError` for wrong usage and any other error for failure.
  public var run: (Arguments) throws -> Void

  public init(
    _ name: String, summary: String, positionals: [Positional] = [], options: [Option] = [],
    unused: [String] = [],
    discussion: @autoclosure @escaping () -> String = "",
    examples: [String] = [], run: @escaping (Arguments) throws -> Void
  ) {
    self.name = name
    self.summary = summary
    self.positionals = positionals
    self.options = options
    self.unused = unused
    self.discussion = discussion
    self.examples = examples
    self.run = run
  }

  var words: [String] { name.split(separator: " ").map(String.init) }
}

/// An argument known by its place.
public struct Positional: Sendable {
  public var name: String
  public var help: String
  public var required: Bool
  /// Whether any number of them may follow; for the last positional only.
  public var repeats: Bool
  /// Words that it may be besides, for shell completion.
  public var choices: [String]
  /// Whether it is a run of the trash, for shell completion.
  public var isInTrash: Bool

  /// - Parameter name: RUN for a run, FILE or DIR for a file, NAME|FILE|RUN for what may be several
  ///   of them: shell completion goes by it.
  public init(
    _ name: String, help: String, required: Bool = true, repeats: Bool = false,
    choices: [String] = [], isInTrash: Bool = false
  ) {
    self.name = name
    self.help = help
    self.required = required
    self.repeats = repeats
    self.choices = choices
    self.isInTrash = isInTrash
  }

  /// As usage lines show it.
  var usage: String {
    let shown = repeats ? "\(name)..." : name
    return required ? shown : "[\(shown)]"
  }
}

/// An argument known by its name: `--epochs N`, `--epochs=N`, or a flag without a value.
public struct Option: Sendable {
  /// With its dashes: `--epochs`.
  public var name: String
  /// A single letter with its dash (`-o`), if the option has one.
  public var short: String?
  /// What the help calls the value (`N`, `FILE`); nil makes the option a flag.
  public var value: String?
  public var help: String
  /// What the value may be, for shell completion; empty where it may be anything.
  public var choices: [String]

  public init(
    _ name: String, short: String? = nil, value: String? = nil, help: String,
    choices: [String] = []
  ) {
    self.choices = choices
    self.name = name
    self.short = short
    self.value = value
    self.help = help
  }
}

/// Wrong usage: a message for stderr, and exit code 2.
public struct UsageError: Error, CustomStringConvertible {
  public var message: String
  public init(_ message: String) { self.message = message }
  public var description: String { message }
}
