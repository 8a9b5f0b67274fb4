import CifarCore

/// The arguments of one call of a command, checked against what the command accepts.
public struct Arguments {
  /// The arguments that are not options, in order.
  public private(set) var positionals: [String] = []
  private var values: [String: [String]] = [:]
  private let command: Command

  /// Sorts `arguments` into options and positionals.
  ///
  /// `--name value` and `--name=value` mean the same; `--` ends the options; an option given twice
  /// counts with its last value.
  /// - Throws: `UsageError` for an unknown option, a missing value, a value for a flag, too few or
  ///   too many positionals.
  public init(_ arguments: [String], for command: Command) throws {
    self.command = command
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        positionals += rest
        break
      }
      guard argument.hasPrefix("-"), argument != "-" else {
        positionals.append(argument)
        continue
      }
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let option = try Arguments.option(named: String(parts[0]), of: command)
      switch (option.value, parts.count) {
      case (nil, 1): values[option.name, default: []].append("")
      case (nil, _): throw UsageError("\(option.name) takes no value")
      case (_, 2): values[option.name, default: []].append(String(parts[1]))
      case (let placeholder?, _):
        guard let value = rest.popFirst() else {
          throw UsageError("\(option.name) needs a value: \(option.name) \(placeholder)")
        }
        values[option.name, default: []].append(value)
      }
    }
    try checkPositionals()
    _ = try format()
  }

  private static func option(named name: String, of command: Command) throws -> Option {
    if let option = command.options.first(where: { $0.name == name || $0.short == name }) {
      return option
    }
    if command.unused.contains(name) {
      throw UsageError("\(name) has no part in \(command.name): leave it out")
    }
    let known = command.options.map(\.name) + ["--help"]
    throw UsageError("unknown option \(name)" + Suggestion.text(for: name, among: known))
  }

  private func checkPositionals() throws {
    let required = command.positionals.filter(\.required)
    if positionals.count < required.count {
      let missing = required[positionals.count]
      throw UsageError("\(missing.name) is missing: \(missing.help)")
    }
    let takesMore = command.positionals.last?.repeats == true
    if positionals.count > command.positionals.count, !takesMore {
      throw UsageError("unexpected argument '\(positionals[command.positionals.count])'")
    }
  }

  /// Whether the flag or option was given.
  public func has(_ name: String) -> Bool { values[name] != nil }

  /// The option's value, nil if it was not given.
  public func value(_ name: String) -> String? { values[name]?.last }

  /// Every value of an option that may be given several times, in order.
  public func all(_ name: String) -> [String] { values[name] ?? [] }

  /// The option's value as an integer in `range`, nil if it was not given.
  public func integer(_ name: String, in range: ClosedRange<Int> = 0...Int.max) throws -> Int? {
    guard let text = value(name) else { return nil }
    if let number = Int(text), range.contains(number) { return number }
    let limits =
      range.upperBound == Int.max
      ? "a whole number of at least \(range.lowerBound)"
      : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    throw UsageError("\(name) must be \(limits), not '\(text)'")
  }

  /// The option's value as any 64-bit number without sign, nil if it was not given.
  public func unsigned(_ name: String) throws -> UInt64? {
    guard let text = value(name) else { return nil }
    if let number = UInt64(text) { return number }
    throw UsageError("\(name) must be a whole number from 0 to \(UInt64.max), not '\(text)'")
  }

  /// The option's value as a finite number that passes `accept`, nil if it was not given.
  /// - Parameter kind: completes "must be …" in the error: `a number above 0`.
  public func number(
    _ name: String, _ kind: String = "a number", accept: (Double) -> Bool = { _ in true }
  ) throws -> Double? {
    guard let text = value(name) else { return nil }
    if let number = Double(text), number.isFinite, accept(number) { return number }
    throw UsageError("\(name) must be \(kind), not '\(text)'")
  }

  /// The option's value if it is one of `choices`, nil if it was not given.
  public func choice(_ name: String, of choices: [String]) throws -> String? {
    guard let text = value(name) else { return nil }
    if choices.contains(text) { return text }
    throw UsageError(
      "\(name) must be one of \(choices.joined(separator: ", ")), not '\(text)'"
        + Suggestion.text(for: text, among: choices))
  }
}
