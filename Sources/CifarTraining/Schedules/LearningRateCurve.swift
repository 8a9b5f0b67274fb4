import CifarCore

/// How the factor goes down with time.
package protocol LearningRateCurve: OptionsKind {
  /// - Parameters:
  ///   - t: units since the warm-up.
  ///   - all: units from the warm-up to the end of training.
  func factor(_ t: Double, of all: Double) -> Double

  /// - Parameter step: units from one optimizer step, or epoch, to the next; for curves that turn at one.
  func factor(_ t: Double, of all: Double, step: Double) -> Double
}

extension LearningRateCurve {
  package func factor(_ t: Double, of all: Double, step: Double) -> Double { factor(t, of: all) }
}
