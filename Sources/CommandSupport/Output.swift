import CifarCore
import Glibc
import Synchronization

/// The streams of a command: results on stdout, everything else on stderr.
///
/// Written straight to the descriptors: what a command says is out at once, also when it is killed
/// a moment later, and a full disk is noticed.
public enum Output {
  /// Writes to stdout as it is.
  public static func write(_ text: String) { put(text, to: STDOUT_FILENO) }

  /// Writes a line to stdout.
  public static func line(_ text: String) {
    put(text.hasSuffix("\n") ? text : text + "\n", to: STDOUT_FILENO)
  }

  /// Writes one line to stderr, whatever line ends or control characters the message holds.
  public static func error(_ message: String) {
    let lines = message.split(whereSeparator: \.isNewline)
    put(TextWidth.printable(lines.joined(separator: " ")) + "\n", to: STDERR_FILENO)
  }

  /// Writes to stderr as it is: progress, remarks.
  public static func message(_ text: String) { put(text, to: STDERR_FILENO) }

  /// - Throws: `CifarError.io` when something written to stdout so far did not arrive.
  public static func check() throws {
    let code = failure.load(ordering: .relaxed)
    guard code != 0 else { return }
    throw CifarError(.io, "standard output cannot be written: \(String(cString: strerror(code)))")
  }

  /// The `errno` of the first write to stdout that failed.
  private static let failure = Atomic<Int32>(0)

  private static func put(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)[...]
      while !rest.isEmpty {
        let next = UnsafeRawBufferPointer(rebasing: rest)
        let written = Glibc.write(descriptor, next.baseAddress, next.count)
        if written > 0 {
          rest = rest.dropFirst(written)
        } else if errno != EINTR {
          if descriptor == STDOUT_FILENO {
            _ = failure.compareExchange(expected: 0, desired: errno, ordering: .relaxed)
          }
          return
        }
      }
    }
  }
}
