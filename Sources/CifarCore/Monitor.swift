import Glibc
import Synchronization

/// A lock with a condition to wait for.
///
/// In a child of `fork` it is free, whoever held it in the parent: only the thread that forked is
/// there, so the others would never let go. What the lock guards may then be half changed.
public final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// The process that the lock was made for; its negative while a child's thread makes it anew.
  private let owner = Atomic<pid_t>(getpid())

  public init() { make() }

  private func make() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    // In a child the waiters are gone, but counted: destroying would wait for them.
    if owner.load(ordering: .relaxed) == getpid() {
      pthread_cond_destroy(condition)
      pthread_mutex_destroy(mutex)
    }
    condition.deallocate()
    mutex.deallocate()
  }

  public func withLock<Result>(_ body: () throws -> Result) rethrows -> Result {
    makeAnewAfterFork()
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Lets go of the lock until somebody calls `wakeAll`. May also return without a reason: the
  /// caller looks again. Only inside `withLock`.
  public func wait() { pthread_cond_wait(condition, mutex) }

  public func wakeAll() { pthread_cond_broadcast(condition) }

  private func makeAnewAfterFork() {
    let process = getpid()
    while true {
      let seen = owner.load(ordering: .acquiring)
      if seen == process { return }
      if seen == -process {
        sched_yield()
      } else if owner.compareExchange(
        expected: seen, desired: -process, ordering: .acquiringAndReleasing
      ).exchanged {
        make()
        owner.store(process, ordering: .releasing)
        return
      }
    }
  }
}
