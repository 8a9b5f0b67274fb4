import CifarCore
import Glibc

/// gamma^⌊t / size⌋.
package struct StepDecay: LearningRateCurve {
  package var size = 1
  package var gamma = 0.1

  package static let type = "step"
  package static let meaning = "PyTorch's StepLR"
  package static let options: [OptionDescription<Self>] = [
    .whole(
      "step_size", \.size, LearningRateSchedule.counts, isRequired: true,
      "units after which the rate goes down"),
    .number("gamma", \.gamma, .above(0, to: 1), "factor of each"),
  ]

  package init() {}
  package init(size: Int, gamma: Double = 0.1) {
    self.size = size
    self.gamma = gamma
  }

  package func factor(_ t: Double, of all: Double) -> Double {
    pow(gamma, (t / Double(size)).rounded(.down))
  }
}
