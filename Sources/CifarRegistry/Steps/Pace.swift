/// How much of a long piece of work goes into one transaction.
///
/// A step is to hold the lock for 50 ms at most, its commit included. What a commit takes depends on
/// the disk (five syncs), on the pages that were changed and on who else is busy, and is known only
/// afterwards: the pace follows what the last steps took.
struct Pace {
  /// Seconds that a step aims at: single ones take longer.
  private static let target = 0.03
  /// Between two steps: long enough for one that waits to notice (see `LockWait`).
  static let pause = 0.01
  /// A step does at least so much, or a slow disk would make every row a commit of its own.
  private static let least = 0.01

  /// Seconds of work after which a step commits.
  private(set) var work = 0.02
  /// What steps took lately.
  private var hold = target

  mutating func note(work done: Double, commit: Double) {
    hold = 0.6 * hold + 0.4 * (done + commit)
    work *= hold < Pace.target ? 1.2 : max(0.6, Pace.target / hold)
    work = min(max(work, Pace.least), Pace.target)
  }
}
