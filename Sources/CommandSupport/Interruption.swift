import CifarCore
import Glibc
import Synchronization

/// Ctrl-C, SIGTERM and SIGHUP for commands that have something to finish first.
///
/// The first of them asks the command to stop, a second one ends the process at once. When the
/// command has stopped, `Tool.main` lets the process die of the signal itself: by that a shell knows
/// that its loop is to end, and a supervisor that its signal did it. A command that never calls
/// `handle` is ended by the first.
public enum Interruption {
  /// The signal that came first; 0 for none.
  private static let received = Atomic<Int32>(0)
  /// When it came: milliseconds of the monotonic clock.
  private static let time = Atomic<Int>(0)
  /// Whether one more is asked to stop the command instead of ending the process.
  private static let acceptsAnother = Atomic<Bool>(false)
  nonisolated(unsafe) private static var stop: (() -> Void)?

  /// `timeout` and others send their signal to a process and to its group at once, and a terminal
  /// that closes hangs up several times: within this many milliseconds that is one signal.
  private static let together = 200

  /// From here on the first signal is noted. Those that are ignored stay so: `nohup` keeps SIGHUP from
  /// its command, a shell Ctrl-C from what it runs in the background.
  public static func handle() {
    // Made before a handler can need them.
    _ = (received.load(ordering: .relaxed), time.load(ordering: .relaxed), together)
    _ = acceptsAnother.load(ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      guard sigaction(number, nil, &action) == 0 else { continue }
      let isIgnored =
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        == unsafeBitCast(SIG_IGN, to: Int.self)
      if !isIgnored { signal(number, arrived) }
    }
  }

  /// Calls `stop` when a signal comes, from the handler, or at once if one has come already; nil
  /// ends that. `stop` may only do what a signal handler may.
  public static func onSignal(_ newStop: (() -> Void)?) {
    stop = newStop
    if received.load(ordering: .acquiring) != 0 { newStop?() }
  }

  /// The next signal, too, asks the command to stop: it has begun something new that may take long.
  public static func acceptAnother() { acceptsAnother.store(true, ordering: .releasing) }

  /// What a command throws that a signal has stopped: there is nothing more to say.
  public struct Stopped: Error {}

  /// - Throws: `Stopped` if a signal has come.
  public static func check() throws {
    guard received.load(ordering: .relaxed) == 0 else { throw Stopped() }
  }

  /// Dies of the signal that has come, if one has.
  static func die() {
    let number = received.load(ordering: .acquiring)
    guard number != 0 else { return }
    die(of: number)
    // The first process of a container survives signals that it does not handle.
    exit(128 + number)
  }

  private static func die(of number: Int32) {
    signal(number, SIG_DFL)
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, number)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    kill(getpid(), number)
  }

  private static let arrived: @convention(c) (Int32) -> Void = { number in
    let code = errno
    var clock = timespec()
    clock_gettime(CLOCK_MONOTONIC, &clock)
    let now = clock.tv_sec * 1000 + clock.tv_nsec / 1_000_000
    if received.compareExchange(expected: 0, desired: number, ordering: .acquiringAndReleasing)
      .exchanged
    {
      time.store(now, ordering: .relaxed)
      acceptsAnother.store(false, ordering: .relaxed)
      stop?()
    } else if now - time.load(ordering: .relaxed) > together {
      if acceptsAnother.exchange(false, ordering: .acquiring) {
        time.store(now, ordering: .relaxed)
        stop?()
      } else if number != SIGHUP {
        die(of: number)
        _exit(128 + number)
      }
    }
    errno = code
  }
}
