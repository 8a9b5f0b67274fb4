import CifarCore
import Glibc
import Synchronization

/// The streams of a command: results on stdout, everything else on stderr.
///
/// Written straight to the descriptors: what a command says is out at once, also when it is killed
/// a moment later, and a full disk is noticed. All that is said to people passes through
/// `TerminalText`, so that nothing that was stored can steer their terminal.
public enum Output {
  /// Writes lines to stdout.
  public static func write(_ text: TerminalText) { put(text.content, to: STDOUT_FILENO) }

  public static func write(_ text: String) { write(TerminalText(lines: text)) }

  /// Writes one line to stdout.
  public static func line(_ text: String) { write(TerminalText(text) + "\n") }

  /// Writes to stdout what programs read: JSON and CSV, which spell control characters in their own
  /// way, and scripts of ours.
  public static func data(_ text: String) { put(text, to: STDOUT_FILENO) }

  /// Writes one line to stderr, whatever line ends or control characters the message holds.
  public static func error(_ message: String) {
    let lines = message.split(whereSeparator: \.isNewline)
    put(TerminalText(lines.joined(separator: " ")).content + "\n", to: STDERR_FILENO)
  }

  /// Writes to stderr: remarks.
  public static func message(_ text: String) {
    put(TerminalText(lines: text).content, to: STDERR_FILENO)
  }

  /// Writes a line to stderr in place of the one that is there, which must not be ended; "" takes it
  /// away. For a terminal that `canRedraw` only.
  public static func redraw(_ text: String) {
    put("\r\u{1b}[K" + TerminalText(text).content, to: STDERR_FILENO)
  }

  /// Whether stdout may lose its reader, as in `cifar train | head`, without that being a failure:
  /// what the command does matters more than what it says. Otherwise SIGPIPE ends the process.
  public static func outlivesItsReader() {
    signal(SIGPIPE, SIG_IGN)
    mayBreak.store(true, ordering: .relaxed)
  }

  /// From here on nothing is written: another process says it.
  public static func mute() { isMuted.store(true, ordering: .relaxed) }
  public static func unmute() { isMuted.store(false, ordering: .relaxed) }

  /// - Throws: `CifarError.io` when something written to stdout so far did not arrive.
  public static func check() throws {
    let code = failure.load(ordering: .relaxed)
    guard code != 0, code != EPIPE || !mayBreak.load(ordering: .relaxed) else { return }
    throw CifarError(.io, "standard output cannot be written: \(String(cString: strerror(code)))")
  }

  /// The `errno` of the first write to stdout that failed.
  private static let failure = Atomic<Int32>(0)
  private static let mayBreak = Atomic<Bool>(false)

  private static let isMuted = Atomic<Bool>(false)

  private static func put(_ text: String, to descriptor: Int32) {
    guard !isMuted.load(ordering: .relaxed) else { return }
    var text = text
    let code = text.withUTF8 { File.put(UnsafeRawBufferPointer($0), to: descriptor) }
    if code != 0, descriptor == STDOUT_FILENO {
      _ = failure.compareExchange(expected: 0, desired: code, ordering: .relaxed)
    }
  }
}
