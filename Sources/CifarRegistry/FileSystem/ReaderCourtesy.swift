import Glibc

/// A long reader's regard for writers.
///
/// Under a rollback journal a writer's commit waits for every reader, and SQLite's check of a whole
/// file can neither be done in pieces nor be interrupted from outside in the versions in use. Its
/// reads can fail, though: a read that finds a writer waiting says so, the check ends within
/// moments, and is tried again later.
struct ReaderCourtesy {
  /// Whether a read was refused; all that follow are.
  private(set) var gaveWay = false
  private let start = MonotonicTime.seconds
  private var lastLook = 0.0

  /// Seconds that a reader has in any case: what takes no longer always comes to its end.
  private static let granted = 0.03
  private static let interval = 0.002

  mutating func mustGiveWay(_ descriptor: Int32) -> Bool {
    if gaveWay { return true }
    let now = MonotonicTime.seconds
    guard now - start > ReaderCourtesy.granted, now - lastLook > ReaderCourtesy.interval else {
      return false
    }
    lastLook = now
    gaveWay = RegistryLock.isAwaited(descriptor)
    return gaveWay
  }
}
