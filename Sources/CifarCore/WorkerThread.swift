import Glibc

/// A thread that runs one closure and can be waited for.
public final class WorkerThread {
  private var handle = pthread_t()
  /// Whether there is something to wait for.
  private let started: Bool

  /// Starts at once. If the system has no more threads to give, `isRunning` is false and the
  /// closure is never called.
  public init(_ body: @escaping () -> Void) {
    let box = Unmanaged.passRetained(Body(run: body))
    started =
      pthread_create(
        &handle, nil,
        { argument in
          guard let argument else { return nil }
          Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
          return nil
        }, box.toOpaque()) == 0
    if !started { box.release() }
  }

  public var isRunning: Bool { started }

  /// Waits until the closure has returned. To be called once, and not after a fork.
  public func join() {
    if started { pthread_join(handle, nil) }
  }

  private final class Body {
    let run: () -> Void
    init(run: @escaping () -> Void) { self.run = run }
  }
}

/// A lock with a condition to wait for.
public final class Monitor {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let owner = getpid()

  public init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    // In the child of a fork the waiters are gone, but counted: destroying would wait for them.
    guard owner == getpid() else { return }
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  public func withLock<Result>(_ body: () throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Lets go of the lock until somebody calls `wakeAll`. May also return without a reason: the
  /// caller looks again. Only inside `withLock`.
  public func wait() { pthread_cond_wait(condition, mutex) }

  public func wakeAll() { pthread_cond_broadcast(condition) }
}
