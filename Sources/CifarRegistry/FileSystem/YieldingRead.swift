import Glibc

/// A long read that yields to writers.
///
/// Under a rollback journal a writer's commit waits for every reader, and SQLite's check of a whole
/// file can neither be done in parts nor be interrupted from outside in the versions in use. Its
/// reads can fail, though: one that finds a writer waiting does, the check ends at once, and is tried
/// again later.
struct YieldingRead {
  /// Whether a read was refused; all that follow are.
  private(set) var hasYielded = false
  private let start = MonotonicTime.seconds
  private var lastCheck = 0.0

  /// Seconds before a read yields: a shorter one always completes.
  private static let granted = 0.03
  private static let interval = 0.002

  mutating func mustYield(_ descriptor: Int32) -> Bool {
    if hasYielded { return true }
    let now = MonotonicTime.seconds
    guard now - start > YieldingRead.granted, now - lastCheck > YieldingRead.interval else {
      return false
    }
    lastCheck = now
    hasYielded = RegistryLock.isAwaited(descriptor)
    return hasYielded
  }
}
