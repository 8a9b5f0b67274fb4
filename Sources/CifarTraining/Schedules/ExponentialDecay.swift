import CifarCore
import Glibc

/// rate^(t / steps), with `staircase` rate^⌊t / steps⌋.
package struct ExponentialDecay: LearningRateCurve {
  package var rate = 1.0
  package var steps = 1
  package var staircase = false

  package static let type = "exponential"
  package static let meaning =
    "Keras's ExponentialDecay; with one epoch a step PyTorch's ExponentialLR"
  package static let options: [OptionDescription<Self>] = [
    .number(
      "decay_rate", \.rate, .above(0, to: 1), isRequired: true, "factor of every decay_steps units"),
    .whole("decay_steps", \.steps, LearningRateSchedule.counts, "units"),
    .flag("staircase", \.staircase, "in steps, not smoothly"),
  ]

  package init() {}
  package init(rate: Double, steps: Int = 1, staircase: Bool = false) {
    self.rate = rate
    self.steps = steps
    self.staircase = staircase
  }

  package func factor(_ t: Double, of all: Double) -> Double {
    let exponent = t / Double(steps)
    return pow(rate, staircase ? exponent.rounded(.down) : exponent)
  }
}
