import CifarCore

/// Which checkpoints stay when a new one is saved. The best one always does, and so do pinned ones.
public struct Retention: Sendable, Equatable {
  /// How many of the newest, at least 1; nil for all.
  public var last: Int?
  /// Also those of every N-th epoch, at least 1.
  public var every: Int?

  public static let all = Retention(last: nil, every: nil)

  public static func last(_ count: Int, every: Int? = nil) -> Retention {
    Retention(last: count, every: every)
  }

  public init(last: Int?, every: Int?) {
    self.last = last
    self.every = every
  }

  func check() throws {
    for (value, what) in [(last, "the last checkpoint"), (every, "one epoch")] {
      if let value, value < 1 {
        throw CifarError(
          .invalidArgument, "retention counts from \(what): \(value) is not at least 1")
      }
    }
  }
}
