import CifarCore

/// Text for a terminal: the only escape sequences in it are the program's own.
///
/// Names, notes and paths come from files and registries that others wrote. Whatever could steer a
/// terminal in them (escape sequences, control characters, marks that turn the direction of writing)
/// is spelled out, `\u{1B}`, when it becomes a `TerminalText`.
public struct TerminalText: Equatable, Sendable, ExpressibleByStringLiteral {
  /// What is written.
  private(set) var content: String

  public init() { content = "" }

  /// One line, or a part of one: line ends are spelled out as well.
  public init(_ text: String) { content = text.visible() }

  /// Text that may have several lines, and tabs.
  public init(lines text: String) { content = text.visible(keepsLines: true) }

  public init(stringLiteral text: String) { self.init(lines: text) }

  /// One line in a style.
  init(_ text: String, _ style: Style) {
    content = "\u{1b}[\(style.rawValue)m\(text.visible())\u{1b}[0m"
  }

  public var isEmpty: Bool { content.isEmpty }

  public static func + (a: TerminalText, b: TerminalText) -> TerminalText {
    var sum = a
    sum += b
    return sum
  }

  public static func += (a: inout TerminalText, b: TerminalText) { a.content += b.content }
}

extension [TerminalText] {
  public func joined(separator: TerminalText = "") -> TerminalText {
    enumerated().reduce(into: TerminalText()) { text, part in
      if part.offset > 0 { text += separator }
      text += part.element
    }
  }
}
