import CSQLite
import Glibc

/// How a connection waits for the locks of others.
///
/// There is no queue: who tries at the right moment gets the lock. SQLite's own handler sleeps the
/// longer the longer it has waited, up to 100 ms, so that in a crowd of writers those that have waited
/// longest wait on, for seconds. This one tries the more often the longer it has waited: they come
/// next. A try costs some system calls, about 10 µs; where someone holds the file for long, tries
/// become rare again.
final class LockWait {
  /// How long a statement waits.
  var seconds: Double
  /// When the statement began to wait, and the first of several that were tried one after another.
  private var start = 0.0
  private var firstStart = 0.0
  private var gaveUp = -Double.infinity

  init(seconds: Double) { self.seconds = seconds }

  /// Sleeps before the next try.
  /// - Parameter tries: how many there were, for this lock.
  /// - Returns: whether there is time for one.
  private func waits(after tries: Int32) -> Bool {
    let now = MonotonicTime.seconds
    if tries == 0 {
      start = now
      // Who comes back at once has not lost its place.
      if now - gaveUp > 1 { firstStart = now }
    }
    guard now - start < seconds else {
      gaveUp = now
      return false
    }
    usleep(LockWait.pause(after: now - firstStart))
    return true
  }

  /// Microseconds until the next try.
  private static func pause(after seconds: Double) -> UInt32 {
    switch seconds {
    case ..<0.01: 1_000
    case ..<0.1: 4_000
    case ..<0.25: 1_000
    case ..<2: 250
    case ..<10: 2_000
    default: 10_000
    }
  }

  /// Makes a connection wait so; the object must live as long as the connection.
  func install(on handle: OpaquePointer) {
    sqlite3_busy_handler(
      handle,
      { context, tries in
        guard let context else { return 0 }
        return Unmanaged<LockWait>.fromOpaque(context).takeUnretainedValue().waits(after: tries)
          ? 1 : 0
      }, Unmanaged.passUnretained(self).toOpaque())
  }
}

/// The monotonic clock.
enum MonotonicTime {
  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
