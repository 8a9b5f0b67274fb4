import Synchronization

/// The library's only voice. It prints nothing: whoever sets a receiver gets whole lines.
public enum Log {
  public enum Level: Int32, Sendable, Comparable {
    case debug = 10
    case info = 20
    case warning = 30
    case error = 40

    public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  public typealias Receiver = @Sendable (Level, String) -> Void

  private static let receiver = Mutex<Receiver?>(nil)

  /// Sends all further lines to `newReceiver`; `nil` drops them, as at the start.
  public static func setReceiver(_ newReceiver: Receiver?) {
    receiver.withLock { $0 = newReceiver }
  }

  public static func write(_ level: Level, _ line: @autoclosure () -> String) {
    guard let receive = receiver.withLock({ $0 }) else { return }
    receive(level, line())
  }
}
