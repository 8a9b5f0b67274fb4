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

  private static let sink = LogSink()

  /// Sends all further lines to `newReceiver`; `nil` drops them, as at the start.
  ///
  /// Returns when nobody is inside the old receiver any more; called from a receiver itself it does
  /// not wait.
  public static func setReceiver(_ newReceiver: Receiver?) { sink.replace(with: newReceiver) }

  public static func write(_ level: Level, _ line: @autoclosure () -> String) {
    guard let member = sink.enter() else { return }
    defer { sink.leave(member) }
    member.receive(level, line().oneLine(atMost: longestLine))
  }
}

/// Who hears the lines, and how many threads are telling them.
private final class LogSink: @unchecked Sendable {
  final class Member {
    let receive: Log.Receiver
    // Under the lock.
    var callers = 0
    init(_ receive: @escaping Log.Receiver) { self.receive = receive }
  }

  private let lock = ConditionLock()
  // Under the lock:
  private var current: Member?
  private var process = getpid()

  func enter() -> Member? {
    let member = lock.withLock { () -> Member? in
      forgetParentsCallers()
      current?.callers += 1
      return current
    }
    if member != nil { log_receiver_entered() }
    return member
  }

  func leave(_ member: Member) {
    log_receiver_left()
    lock.withLock {
      member.callers -= 1
      if member.callers <= 0 { lock.wakeAll() }
    }
  }

  func replace(with receiver: Log.Receiver?) {
    let mayWait = !log_receiver_is_inside()
    let old = lock.withLock { () -> Member? in
      forgetParentsCallers()
      let old = current
      current = receiver.map(Member.init)
      if mayWait, let old {
        while old.callers > 0 { lock.wait() }
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
