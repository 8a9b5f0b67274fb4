import CCifar
import Synchronization

/// The library that runs.
public enum Library {
  /// Its version, such as "0.2.0".
  public static var version: String { String(cString: cifar_version()) }

  /// The kernels' instruction set: "avx512vnni", "avx512", "avx2" or "baseline". The bits of a result depend on it.
  public static var instructionSet: String { String(cString: cifar_instruction_set()) }

  /// The threads that compute where nobody says how many, and the most that do.
  public static var defaultThreads: Int { Int(cifar_default_threads()) }

  /// How much a log line matters.
  public enum LogLevel: UInt32, Comparable, Sendable {
    /// For whoever looks for a defect.
    case debug = 10
    /// What happens.
    case info = 20
    /// What a person should know.
    case warning = 30
    /// What went wrong.
    case error = 40

    /// From debug to error.
    public static func < (first: LogLevel, second: LogLevel) -> Bool {
      first.rawValue < second.rawValue
    }
  }

  /// Receives one whole line. Comes from any thread, several at once too, and must not call back into
  /// the library.
  public typealias LogReceiver = @Sendable (LogLevel, String) -> Void

  private static let receiver = Mutex<LogReceiver?>(nil)

  /// Sends the library's log lines to `receiver`, process-wide; nil drops them, as at the start.
  public static func setLog(_ receiver: LogReceiver?) throws {
    self.receiver.withLock { $0 = receiver }
    guard receiver != nil else { return try check(cifar_set_log(nil, nil)) }
    try check(
      cifar_set_log(
        { level, line, _ in
          guard let line, let receiver = Library.receiver.withLock({ $0 }) else { return }
          receiver(LogLevel(rawValue: level.rawValue) ?? .error, String(cString: line))
        }, nil))
  }
}
