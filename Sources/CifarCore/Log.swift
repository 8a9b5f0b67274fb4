import CCPUFeatures
import Glibc

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

  /// The most bytes of a line.
  public static let longestLine = 4095

  private static let desk = LogDesk()

  /// Sends all further lines to `newReceiver`; `nil` drops them, as at the start.
  ///
  /// Returns when nobody is inside the old receiver any more; called from a receiver itself it does
  /// not wait.
  public static func setReceiver(_ newReceiver: Receiver?) { desk.replace(with: newReceiver) }

  public static func write(_ level: Level, _ line: @autoclosure () -> String) {
    guard let member = desk.enter() else { return }
    defer { desk.leave(member) }
    member.receive(level, line().oneLine(atMost: longestLine))
  }
}

/// Who hears the lines, and how many threads are telling them.
private final class LogDesk: @unchecked Sendable {
  final class Member {
    let receive: Log.Receiver
    // Under the desk's monitor.
    var callers = 0
    init(_ receive: @escaping Log.Receiver) { self.receive = receive }
  }

  private let monitor = Monitor()
  // Under the monitor:
  private var current: Member?
  private var process = getpid()

  func enter() -> Member? {
    let member = monitor.withLock { () -> Member? in
      forgetParentsCallers()
      current?.callers += 1
      return current
    }
    if member != nil { log_receiver_entered() }
    return member
  }

  func leave(_ member: Member) {
    log_receiver_left()
    monitor.withLock {
      member.callers -= 1
      if member.callers <= 0 { monitor.wakeAll() }
    }
  }

  func replace(with receiver: Log.Receiver?) {
    let mayWait = !log_receiver_is_inside()
    let old = monitor.withLock { () -> Member? in
      forgetParentsCallers()
      let old = current
      current = receiver.map(Member.init)
      if mayWait, let old {
        while old.callers > 0 { monitor.wait() }
      }
      return old
    }
    // Its captures go outside the lock.
    _ = old
  }

  /// A fork copies one thread: in the child nobody else is inside the receiver.
  private func forgetParentsCallers() {
    guard process != getpid() else { return }
    process = getpid()
    current?.callers = log_receiver_is_inside() ? 1 : 0
  }
}
