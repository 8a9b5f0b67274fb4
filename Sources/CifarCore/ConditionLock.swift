import Glibc
import Synchronization

/// A lock with a condition to wait for.
///
/// In a child of `fork` it is free, whoever held it in the parent: only the thread that forked is
/// there, so the others would never let go. What the lock guards may then be half changed.
public final class ConditionLock: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// The process that the lock was made for; its negative while a child's thread makes it again.
  private let owner = Atomic<pid_t>(getpid())

  public init() { make() }

  private func make() {
    pthread_mutex_init(mutex, nil)
    // By the monotonic clock: a wait does not get longer when someone sets the clock back.
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
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
    renewAfterFork()
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Lets go of the lock until someone calls `wakeAll`. May also return without a reason: the
  /// caller looks again. Only inside `withLock`.
  public func wait() { pthread_cond_wait(condition, mutex) }

  /// The same for a time at most.
  public func wait(seconds: Double) {
    var end = timespec()
    clock_gettime(CLOCK_MONOTONIC, &end)
    let nanoseconds = Int(min(max(seconds, 0), 1e6) * 1e9) + end.tv_nsec
    end.tv_sec += nanoseconds / 1_000_000_000
    end.tv_nsec = nanoseconds % 1_000_000_000
    pthread_cond_timedwait(condition, mutex, &end)
  }

  public func wakeAll() { pthread_cond_broadcast(condition) }

  private func renewAfterFork() {
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
