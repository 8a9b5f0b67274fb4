import CSQLite
import Glibc

/// How a connection waits for the locks of others.
///
/// SQLite's own handler sleeps up to 100 ms between two tries and has no queue: who lets go of the
/// file for 10 ms, so that others get their turn, would not be noticed. This one tries every
/// millisecond at first. A try costs a system call.
final class LockWait {
  /// How long a statement waits.
  var seconds: Double
  private var start = 0.0

  init(seconds: Double) { self.seconds = seconds }

  /// Sleeps before the next try.
  /// - Parameter tries: how many there were, for this lock.
  /// - Returns: whether there is time for one.
  private func waits(after tries: Int32) -> Bool {
    let now = MonotonicTime.seconds
    if tries == 0 { start = now }
    guard now - start < seconds else { return false }
    usleep(tries < 100 ? 1_000 : tries < 1_000 ? 2_000 : 10_000)
    return true
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

/// A clock that nobody sets.
enum MonotonicTime {
  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
