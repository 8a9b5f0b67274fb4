import CifarCore

/// How the factor goes down with time.
package protocol LearningRateCurve: OptionsKind {
  /// - Parameters:
  ///   - t: units since the warm-up.
  ///   - all: units from the warm-up to the end of training.
  func factor(_ t: Double, of all: Double) -> Double
}
