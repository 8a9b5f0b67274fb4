/// The state of a run or a session.
public enum RunStatus: String, Sendable, Codable, CaseIterable {
  case running
  /// All epochs are done, or a callback of the recipe (early stopping) found nothing more to learn.
  case completed
  /// The caller asked it to stop.
  case stopped
  /// Stopped from outside, with a checkpoint to resume from.
  case interrupted
  /// An error ended it.
  case failed
  /// Its process ended without recording an end. A run is never stored as such: readers find out.
  /// The resume that continues the run records it for the session.
  case crashed
}
