import CifarCore
import Glibc

/// What an output stream can show.
public struct Terminal: Sendable, Equatable {
  /// Whether a person is (probably) looking.
  public var isInteractive: Bool
  /// Columns to fit into; nil when there is no limit (a file, a pipe).
  public var width: Int?
  public var usesColor: Bool
  /// Whether a line that was written can be taken back.
  public var canRedraw: Bool

  public init(isInteractive: Bool, width: Int?, usesColor: Bool, canRedraw: Bool = false) {
    self.isInteractive = isInteractive
    self.canRedraw = canRedraw
    self.width = width
    self.usesColor = usesColor
  }

  public static var standardOutput: Terminal { Terminal(descriptor: STDOUT_FILENO) }
  public static var standardError: Terminal { Terminal(descriptor: STDERR_FILENO) }

  /// Asks the system about `descriptor`. Colour needs a terminal and neither `NO_COLOR`
  /// (https://no-color.org: set and not empty) nor a dumb terminal: `TERM=dumb`, or no `TERM`.
  public init(descriptor: Int32) {
    isInteractive = isatty(descriptor) == 1
    width = isInteractive ? Terminal.columns(of: descriptor) : nil
    let kind = try? EnvironmentVariable.terminal.text()
    canRedraw = isInteractive && !["dumb", "unknown", nil].contains(kind)
    usesColor = canRedraw && !EnvironmentVariable.noColor.isSet
  }

  private static func columns(of descriptor: Int32) -> Int {
    var size = winsize()
    if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    return Terminal.columns.flatMap { $0 > 0 ? $0 : nil } ?? 80
  }

  /// What `$COLUMNS` says, for where the system does not know.
  static var columns: Int? { (try? EnvironmentVariable.columns.text()).flatMap { Int($0) } }

  /// `text` in `style` where the terminal shows it, else as it is.
  public func styled(_ text: String, _ style: Style) -> TerminalText {
    guard usesColor, style != .plain, !text.isEmpty else { return TerminalText(text) }
    return TerminalText(text, style)
  }
}

/// How a piece of text looks: the parameters of the terminal's "select graphic rendition".
public enum Style: String, Sendable {
  case plain = "0"
  case bold = "1"
  case dim = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case cyan = "36"
}
