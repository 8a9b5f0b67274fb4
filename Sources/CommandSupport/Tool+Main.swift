import CifarCore
import Glibc

extension Tool {
  /// Runs the command that the program's arguments name.
  ///
  /// - Parameter end: is called when the command has ended, before the process dies of a signal.
  /// - Returns: as `main(_:)`; 2 too for an argument that is not UTF-8. Put right in silence, it
  ///   would name another file.
  public func main(atEnd end: () -> Void = {}) -> Int32 {
    for number in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[number],
        String(validatingCString: argument) == nil
      else { continue }
      let shown = SystemText.escaped(argument).excerpt
      Output.error("\(name): argument \(number) is not UTF-8: '\(shown)' (see \(name) --help)")
      return 2
    }
    return main(Array(CommandLine.arguments.dropFirst()), atEnd: end)
  }

  /// Runs the command that `arguments` name (the program's own name not included).
  ///
  /// - Returns: the exit code: 0, 1 (it failed) or 2 (wrong usage). Errors go to stderr as one
  ///   line. Not at all where a signal has stopped the command: then the process dies of it.
  public func main(_ arguments: [String], atEnd end: () -> Void = {}) -> Int32 {
    // A write beyond the process's limit is an error to tell.
    signal(SIGXFSZ, SIG_IGN)
    var context = name
    let code = run(arguments, context: &context)
    end()
    Interruption.die()
    return code
  }

  private func run(_ arguments: [String], context: inout String) -> Int32 {
    do {
      try dispatch(arguments, context: &context)
      try Output.check()
      return 0
    } catch let error as UsageError {
      Output.error("\(context): \(error.message) (see \(context) --help)")
      return 2
    } catch let error as CifarError where error.code == .invalidArgument {
      Output.error("\(context): \(error) (see \(context) --help)")
      return 2
    } catch is Interruption.Stopped {
      return 1
    } catch {
      Output.error("\(name): \(error)")
      return 1
    }
  }

  private func dispatch(_ arguments: [String], context: inout String) throws {
    guard let first = arguments.first else {
      throw UsageError("a command is missing: \(commands.map(\.name).joined(separator: ", "))")
    }
    switch first {
    case "--help", "-h": return Output.write(help())
    case "--version": return Output.line("\(name) \(version)")
    case "completion" where !wantsHelp(arguments):
      return Output.data(try completion(for: Array(arguments.dropFirst())))
    case "man" where arguments.count == 1: return Output.data(manual())
    case "help" where arguments.count == 1: return Output.write(help())
    case "help": return try dispatch(arguments.dropFirst() + ["--help"], context: &context)
    default: break
    }
    let wantsHelp = wantsHelp(arguments)
    guard let command = commands.first(where: { arguments.starts(with: $0.words) }) else {
      let group = commands.filter { $0.words.count > 1 && $0.words[0] == first }
      if wantsHelp && !group.isEmpty { return Output.write(help(forGroup: first, of: group)) }
      throw unknown(first, group: group)
    }
    context = "\(name) \(command.name)"
    if wantsHelp { return Output.write(help(for: command)) }
    try command.run(Arguments(Array(arguments.dropFirst(command.words.count)), for: command))
  }

  private func wantsHelp(_ arguments: [String]) -> Bool {
    arguments.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
  }

  private func unknown(_ word: String, group: [Command]) -> UsageError {
    if !group.isEmpty {
      let names = group.map(\.name).joined(separator: ", ")
      return UsageError("'\(word)' needs one more word: \(names)")
    }
    let kind = word.hasPrefix("-") ? "option" : "command"
    return UsageError(
      "unknown \(kind) '\(word)'" + Suggestion.text(for: word, among: commands.map(\.name)))
  }
}
