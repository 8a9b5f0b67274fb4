import Glibc

/// Advisory locks on bytes of a file that belong to its open file description (Linux 3.15): unlike
/// POSIX locks they hold within a process too, and no other `close` drops them.
public enum OpenFileLock {
  /// Asks for a lock, or gives one back; does not wait.
  ///
  /// - Parameter type: F_RDLCK, F_WRLCK or F_UNLCK.
  /// - Returns: whether that could be done; if not, `errno` says why.
  public static func set(
    _ descriptor: Int32, _ type: Int32, start: Int64, length: Int64
  ) -> Bool {
    var request = flock(type, start, length)
    return uninterrupted { fcntl(descriptor, setCommand, &request) } == 0
  }

  /// The lock that would be in the way of one of this type: its type, F_UNLCK for none, and its
  /// process, which is not told (-1) of locks of this kind. nil if the system can't tell.
  public static func obstacle(
    _ descriptor: Int32, to type: Int32, start: Int64, length: Int64
  ) -> (type: Int32, process: pid_t)? {
    var request = flock(type, start, length)
    guard uninterrupted({ fcntl(descriptor, getCommand, &request) }) == 0 else { return nil }
    return (Int32(request.l_type), request.l_pid)
  }

  /// Whether `errno` says that someone else has a lock that is in the way.
  public static func isTaken(_ code: Int32) -> Bool {
    [EACCES, EAGAIN, EBUSY, ETIMEDOUT].contains(code)
  }

  /// F_OFD_GETLK and F_OFD_SETLK, which the C library declares for _GNU_SOURCE only.
  private static let getCommand: Int32 = 36
  private static let setCommand: Int32 = 37
}

extension flock {
  fileprivate init(_ type: Int32, _ start: Int64, _ length: Int64) {
    self.init()
    l_type = Int16(type)
    l_whence = Int16(SEEK_SET)
    l_start = off_t(start)
    l_len = off_t(length)
  }
}
