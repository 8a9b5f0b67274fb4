import CifarCore
import Glibc

/// gamma^(milestones that are over).
package struct MultiStepDecay: LearningRateCurve {
  package var milestones: [Int] = []
  package var gamma = 0.1

  package static let type = "multistep"
  package static let meaning = "PyTorch's MultiStepLR"
  package static let options: [OptionDescription<Self>] = [
    .value(
      OptionRow(
        "milestones", .list, "rising whole numbers from 1", "when the rate goes down",
        isRequired: true, range: LearningRateSchedule.counts), \.milestones
    ) { milestones in
      let isLegal =
        !milestones.isEmpty && milestones.allSatisfy(LearningRateSchedule.counts.contains)
        && zip(milestones, milestones.dropFirst()).allSatisfy(<)
      return isLegal ? nil : "\(milestones) are not rising whole numbers from 1"
    },
    .number("gamma", \.gamma, .above(0, to: 1), "factor at each"),
  ]

  package init() {}
  package init(milestones: [Int], gamma: Double = 0.1) {
    self.milestones = milestones
    self.gamma = gamma
  }

  package func factor(_ t: Double, of all: Double) -> Double {
    pow(gamma, Double(milestones.count { Double($0) <= t }))
  }
}
