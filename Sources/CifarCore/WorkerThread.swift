import CCPUFeatures
import Glibc

/// A thread that runs one closure and can be waited for.
///
/// It computes in the default floating-point environment, whatever its creator's is, and leaves the
/// host's signals to the host's threads.
public final class WorkerThread {
  private var handle = pthread_t()
  /// Whether there is something to wait for.
  private let started: Bool
  private let owner = getpid()

  /// What the deepest models and SQLite need, several times over; the system's default would be
  /// 8 MiB, or what the host's `ulimit -s` says.
  private static let stackSize = 1 << 20

  /// Starts at once. If the system has no more threads to give, `isRunning` is false and the
  /// closure is never called.
  public init(_ body: @escaping () -> Void) {
    let box = Unmanaged.passRetained(Body(run: body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, WorkerThread.stackSize)
    // A thread inherits its creator's mask.
    var blocked = WorkerThread.hostSignals()
    var before = sigset_t()
    pthread_sigmask(SIG_SETMASK, &blocked, &before)
    started =
      pthread_create(
        &handle, &attributes,
        { argument in
          host_environment_set_default()
          guard let argument else { return nil }
          Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
          return nil
        }, box.toOpaque()) == 0
    pthread_sigmask(SIG_SETMASK, &before, nil)
    pthread_attr_destroy(&attributes)
    if !started { box.release() }
  }

  public var isRunning: Bool { started }

  /// Waits until the closure has returned. To be called once. In a child of `fork` there is no such
  /// thread, and nothing to wait for.
  public func join() {
    if started, owner == getpid() { pthread_join(handle, nil) }
  }

  /// All but those that a fault of the thread itself raises, and a profiler's clock.
  private static func hostSignals() -> sigset_t {
    var signals = sigset_t()
    sigfillset(&signals)
    for own in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF] {
      sigdelset(&signals, own)
    }
    return signals
  }

  private final class Body {
    let run: () -> Void
    init(run: @escaping () -> Void) { self.run = run }
  }
}
