import Glibc

/// The descriptors of database files that this process has open through the library.
///
/// Two things need the list. A descriptor whose closing would drop the locks of another SQLite in
/// the process is kept until it may go. And the child of a fork shares the descriptors' locks: it
/// closes its copies at once, so that the locks end with the parent.
package enum DatabaseDescriptors {
  private struct State {
    var all: Set<Int32> = []
    var kept: Set<Int32> = []
  }

  /// The child has no locks of its own that a close could drop.
  private static let state = ProcessLock(.descriptors, State()) { state in
    for descriptor in state.all { Glibc.close(descriptor) }
    for descriptor in state.kept { Glibc.close(descriptor) }
    state = State()
  }

  /// Opens a file that stays closed to programs that this one starts.
  /// - Returns: -1 on failure, with `errno`.
  package static func open(_ path: UnsafePointer<CChar>, _ flags: Int32, mode: mode_t) -> Int32 {
    state.withLock { state in
      closeKept(&state)
      var descriptor = uninterrupted { Glibc.open(path, flags | O_CLOEXEC, mode) }
      if (0...2).contains(descriptor) { descriptor = moveUp(descriptor) }
      if descriptor >= 0 { state.all.insert(descriptor) }
      return descriptor
    }
  }

  /// A program that prints must not print into a database: such a descriptor is none of the three
  /// standard streams, which point to nothing instead.
  private static func moveUp(_ low: Int32) -> Int32 {
    let high = Glibc.fcntl(low, F_DUPFD_CLOEXEC, 3)
    let failure = errno
    if high >= 0 {
      let nothing = Glibc.open("/dev/null", O_RDWR)
      if nothing >= 0 && nothing != low {
        dup2(nothing, low)
        if nothing > 2 { Glibc.close(nothing) }
      }
    } else {
      Glibc.close(low)
    }
    errno = failure
    return high
  }

  /// Takes over a descriptor that was opened elsewhere and turned out to be a database's.
  static func adopt(_ descriptor: Int32) {
    state.withLock { _ = $0.all.insert(descriptor) }
  }

  /// Closes a descriptor as soon as no lock can be lost by it, at once or with a later call.
  package static func close(_ descriptor: Int32) {
    state.withLock { state in
      // A child's copy is closed already, and the number may be another file's.
      guard state.all.remove(descriptor) != nil else { return }
      state.kept.insert(descriptor)
      closeKept(&state)
    }
  }

  private static func closeKept(_ state: inout State) {
    for descriptor in state.kept where !isLocked(descriptor) {
      Glibc.close(descriptor)
      state.kept.remove(descriptor)
    }
  }

  /// Whether anyone holds one of SQLite's locks on the file, or may take one before it is closed.
  ///
  /// Closing a descriptor drops all POSIX locks that its process holds on the file. Who wants to read
  /// takes the pending byte first: held here, it keeps every SQLite from a new lock. The system names
  /// one of several locks only, so that any lock counts, not just this process's.
  private static func isLocked(_ descriptor: Int32) -> Bool {
    let pending = fcntl(descriptor, setLock, F_WRLCK, pendingByte, 1)
    // A file system without locks has none to lose. A system with no room for more may have some.
    if !pending && errno == ENOLCK { return isFree(descriptor, pendingByte, 512) == false }
    // A descriptor that can't write can't hold the byte, and only looks.
    if !pending && errno != EBADF { return true }
    if isFree(descriptor, pendingByte + 1, 511) == true { return false }
    _ = fcntl(descriptor, setLock, F_UNLCK, pendingByte, 1)
    return true
  }

  /// nil if the system can't tell.
  private static func isFree(_ descriptor: Int32, _ start: off_t, _ length: off_t) -> Bool? {
    var request = flock()
    request.l_type = Int16(F_WRLCK)
    request.l_whence = Int16(SEEK_SET)
    request.l_start = start
    request.l_len = length
    let failed = uninterrupted { Glibc.fcntl(descriptor, getLock, &request) }
    return failed == 0 ? request.l_type == Int16(F_UNLCK) : nil
  }

  private static func fcntl(
    _ descriptor: Int32, _ command: Int32, _ type: Int32, _ start: off_t, _ length: off_t
  ) -> Bool {
    var request = flock()
    request.l_type = Int16(type)
    request.l_whence = Int16(SEEK_SET)
    request.l_start = start
    request.l_len = length
    return uninterrupted { Glibc.fcntl(descriptor, command, &request) } == 0
  }

  /// F_OFD_GETLK and F_OFD_SETLK, which the C library declares for _GNU_SOURCE only.
  private static let getLock: Int32 = 36
  private static let setLock: Int32 = 37
  /// SQLite's PENDING_BYTE; the reserved byte and the 510 shared ones follow.
  private static let pendingByte: off_t = 0x4000_0000
}
