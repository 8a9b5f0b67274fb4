/// How much of a long piece of work goes into one transaction.
///
/// A step is to hold the lock for `longestHold` at most, its commit included. What a commit takes
/// depends on the disk (five syncs) and on the pages that were changed, and is known only
/// afterwards: the pace learns both parts from the steps that were taken.
struct Pace {
  /// Seconds.
  static let longestHold = 0.05
  /// What a step aims at: commits vary.
  private static let target = 0.035
  /// Between two steps: long enough for one that waits to notice (see `LockWait`).
  static let pause = 0.01
  /// A step does at least so much, or a slow disk would make every commit one of its own for ever.
  private static let least = 0.006

  /// Seconds of work after which a step commits.
  private(set) var work = least
  /// What a commit takes however little there is.
  private var fixed = 0.0
  /// What it takes for each second of work.
  private var slope = 1.0

  mutating func note(work done: Double, commit: Double) {
    fixed = fixed == 0 ? commit / 2 : min(commit, 0.9 * fixed + 0.1 * commit)
    let measured = max(0, commit - fixed) / max(done, 0.001)
    // A single sync that took long says little.
    slope = min(max(0.75 * slope + 0.25 * measured, 0.1), 10)
    work = min(max((Pace.target - fixed) / (1 + slope), Pace.least), 4 * max(done, Pace.least))
  }
}
