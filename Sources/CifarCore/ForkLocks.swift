import Glibc

/// Locks that belong to the whole process, and that a fork must not catch while another thread holds
/// them: in the child nobody would ever let go.
///
/// Before a fork the thread that forks takes them all, in a fixed order; afterwards it lets go of
/// them, in both processes. A lock that belongs to an object is a `Monitor` instead.
package enum ForkLocks {
  /// In the order in which one thread may take several of them.
  package enum Level: Int, CaseIterable {
    case schemaCheck
    case fileSystem
    case sqlite
    case descriptors
    case controlGroups
  }

  package struct Hooks {
    let lock: () -> Void
    let unlock: () -> Void
    /// In the child, before `unlock`.
    let inChild: () -> Void

    package init(
      lock: @escaping () -> Void, unlock: @escaping () -> Void, inChild: @escaping () -> Void = {}
    ) {
      self.lock = lock
      self.unlock = unlock
      self.inChild = inChild
    }
  }

  /// Under `mutex`, which is taken before all others.
  nonisolated(unsafe) private static var hooks = [Hooks?](
    repeating: nil, count: Level.allCases.count)
  nonisolated(unsafe) private static let mutex: UnsafeMutablePointer<pthread_mutex_t> = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_atfork(
      { ForkLocks.take() }, { ForkLocks.release(inChild: false) },
      { ForkLocks.release(inChild: true) })
    return mutex
  }()

  /// To be called once a level.
  package static func register(_ level: Level, _ added: Hooks) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    hooks[level.rawValue] = added
  }

  private static func take() {
    pthread_mutex_lock(mutex)
    for hook in hooks { hook?.lock() }
  }

  private static func release(inChild: Bool) {
    for hook in hooks.reversed() {
      if inChild { hook?.inChild() }
      hook?.unlock()
    }
    pthread_mutex_unlock(mutex)
  }
}

/// A lock of the whole process around a value.
package final class ProcessLock<Value>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var value: Value

  /// For a static property: a lock is never given up.
  ///
  /// - Parameter inChild: what becomes of the value in the child of a fork.
  package init(
    _ level: ForkLocks.Level, _ value: Value,
    inChild: @escaping @Sendable (inout Value) -> Void = { _ in }
  ) {
    self.value = value
    pthread_mutex_init(mutex, nil)
    ForkLocks.register(
      level,
      .init(
        lock: { pthread_mutex_lock(self.mutex) }, unlock: { pthread_mutex_unlock(self.mutex) },
        inChild: { inChild(&self.value) }))
  }

  package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
