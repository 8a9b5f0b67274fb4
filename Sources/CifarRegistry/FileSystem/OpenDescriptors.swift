import Glibc

/// The descriptors of database files that this process has open through the library.
///
/// Two things need the list. A descriptor whose closing would drop the locks of another SQLite in
/// the process is kept until it may go. And the child of a fork shares the descriptors' locks: it
/// closes its copies at once, so that the locks end with the parent.
enum OpenDescriptors {
  /// Under `mutex`.
  nonisolated(unsafe) private static var all: Set<Int32> = []
  nonisolated(unsafe) private static var kept: Set<Int32> = []
  nonisolated(unsafe) private static let mutex: UnsafeMutablePointer<pthread_mutex_t> = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_atfork(
      { pthread_mutex_lock(OpenDescriptors.mutex) },
      { pthread_mutex_unlock(OpenDescriptors.mutex) },
      { OpenDescriptors.closeInChild() })
    return mutex
  }()

  /// Opens a file that stays closed to programs that this one starts.
  /// - Returns: -1 on failure, with `errno`.
  static func open(_ path: UnsafePointer<CChar>, _ flags: Int32, mode: mode_t) -> Int32 {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    closeKept()
    var descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
    while descriptor < 0 && errno == EINTR {
      descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
    }
    if (0...2).contains(descriptor) { descriptor = moveUp(descriptor) }
    if descriptor >= 0 { all.insert(descriptor) }
    return descriptor
  }

  /// A program that prints must not print into a database: such a descriptor is none of the three
  /// standard streams, which point to nothing instead.
  private static func moveUp(_ low: Int32) -> Int32 {
    let high = fcntl(low, F_DUPFD_CLOEXEC, 3)
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

  static func close(_ descriptor: Int32) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    // A child's copy is closed already, and the number may be another file's.
    guard all.remove(descriptor) != nil else { return }
    kept.insert(descriptor)
    closeKept()
  }

  private static func closeKept() {
    for descriptor in kept where !RegistryLock.othersInThisProcess(descriptor) {
      Glibc.close(descriptor)
      kept.remove(descriptor)
    }
  }

  /// The child has no locks of its own that a close could drop.
  private static func closeInChild() {
    for descriptor in all { Glibc.close(descriptor) }
    for descriptor in kept { Glibc.close(descriptor) }
    all = []
    kept = []
    pthread_mutex_unlock(mutex)
  }
}
