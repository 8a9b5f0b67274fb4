import CifarCore

/// Completions for shells: scripts that know the tool's words, and the runs of a registry for them.
///
/// Ids and names come from a file that someone else may have written. A shell gets them as the output
/// of `cifar-runs list --completion`, a line a run, and never evaluates them: nothing of them stands in
/// a script, in a list of words for `compgen -W` or in an `eval`, and what is put on the command line is
/// quoted.
extension Tool {
  /// A script that completes the tool's commands, options and runs in a shell.
  func completion(for arguments: [String]) throws -> String {
    guard let word = arguments.first, arguments.count == 1 else {
      throw UsageError(
        "the shell is missing: \(name) completion \(Shell.names.joined(separator: "|"))")
    }
    guard let shell = Shell(rawValue: word) else {
      throw UsageError(
        "unknown shell '\(word)', use \(Shell.names.joined(separator: ", "))"
          + Suggestion.text(for: word, among: Shell.names))
    }
    switch shell {
    case .bash: return BashCompletion(tool: self).script
    case .zsh: return ZshCompletion(tool: self).script
    case .fish: return FishCompletion(tool: self).script
    }
  }

  private enum Shell: String, CaseIterable {
    case bash, zsh, fish
    static let names = allCases.map(\.rawValue)
  }
}

/// A run as completion offers it.
public struct CompletedRun: Sendable {
  public var id: String
  public var name: String?

  public init(id: String, name: String?) {
    self.id = id
    self.name = name
  }

  /// A line a run, its id, a tab and its name, for those that are safe to type.
  public static func lines(of runs: [CompletedRun]) -> String {
    let counts = Dictionary(runs.compactMap(\.name).map { ($0, 1) }, uniquingKeysWith: +)
    var text = ""
    for run in runs where run.hasUsableID {
      // A name that several have says which run is meant no better than none.
      let name = run.usableName.flatMap { counts[$0] == 1 ? $0 : nil } ?? ""
      text += "\(run.id)\t\(name)\n"
    }
    return text
  }

  /// Whether the id is made of a UUID's characters.
  var hasUsableID: Bool { !id.isEmpty && id.allSatisfy { "0123456789abcdef-".contains($0) } }

  /// The name, where it can be typed and is taken for no option.
  var usableName: String? {
    guard let name, !name.isEmpty, !name.hasPrefix("-"), name == name.visible() else { return nil }
    return name
  }
}

/// What completion knows of a tool's commands that begin with the same word.
struct CompletedCommand {
  var first: String
  var summary: String
  /// What may follow: second words, options.
  var words: [String]
  var options: [Option]
  /// The positional that decides what is offered; nil where none does.
  var positional: Positional?
  /// Whether only the first argument is one.
  var isFirstOnly: Bool

  var takesRun: Bool { positional?.kinds.contains("RUN") == true }
  var takesFile: Bool { positional?.kinds.contains("FILE") == true }
  var choices: [String] { positional?.choices ?? [] }
  var takesTrash: Bool { positional?.isInTrash == true }
  /// The command that tells the runs that may stand there.
  var runs: String { "cifar-runs list --completion" + (takesTrash ? " --trash" : "") }
}

extension Tool {
  var completedWords: [String] { completedCommands.map(\.first) + ["completion", "man"] }

  var completedCommands: [CompletedCommand] {
    var firsts: [String] = []
    for command in commands where !firsts.contains(command.words[0]) {
      firsts.append(command.words[0])
    }
    return firsts.map { first in
      let group = commands.filter { $0.words[0] == first }
      let options = group.flatMap(\.options).reduce(into: [Option]()) { all, option in
        if !all.contains(where: { $0.name == option.name }) { all.append(option) }
      }
      let seconds = group.filter { $0.words.count > 1 }.map { $0.words[1] }
      let positional = group.count == 1 ? group[0].positionals.first : nil
      return CompletedCommand(
        first: first, summary: group.first { $0.name == first }?.summary ?? "",
        words: seconds + options.map(\.name) + ["--help"], options: options,
        positional: positional, isFirstOnly: positional?.repeats != true)
    }
  }
}

extension Positional {
  /// `RUN|FILE` may be a run and may be a file.
  fileprivate var kinds: [Substring] {
    name.split(separator: "|").map { $0.hasPrefix("FILE") || $0.hasPrefix("DIR") ? "FILE" : $0 }
  }
}

extension Option {
  var takesFile: Bool {
    guard let value else { return false }
    return value.contains("FILE") || value.contains("DIR")
  }

  var names: [String] { [name, short].compactMap { $0 } }
}
