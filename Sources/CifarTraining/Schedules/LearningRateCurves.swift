import CifarCore
import Glibc

/// How the factor goes down with time.
package protocol LearningRateCurve: OptionsKind {
  /// - Parameters:
  ///   - t: units since the warm-up.
  ///   - all: units from the warm-up to the end of training.
  func factor(_ t: Double, of all: Int) -> Double
}

private let counts = 1...LearningRateSchedule.mostSteps

/// 1: for a warm-up alone.
package struct ConstantCurve: LearningRateCurve {
  package static let type = "constant"
  package static let meaning = "1: for a warm-up alone"
  package static let options: [OptionDescription<Self>] = []

  package init() {}

  package func factor(_ t: Double, of all: Int) -> Double { 1 }
}

/// alpha + (1 − alpha)·(1 + cos(π·t / steps)) / 2 and alpha from then on.
package struct CosineDecay: LearningRateCurve {
  package var steps: Int?
  package var alpha = 0.0

  package static let type = "cosine"
  package static let meaning =
    "Keras's CosineDecay; PyTorch's CosineAnnealingLR with eta_min = alpha · rate"
  package static let options: [OptionDescription<Self>] = [
    .whole("decay_steps", \.steps, counts, "units until it ends; else it ends when training does"),
    .number("alpha", \.alpha, .from(0, to: 1), "factor at the end"),
  ]

  package init() {}
  package init(steps: Int?, alpha: Double = 0) {
    self.steps = steps
    self.alpha = alpha
  }

  package func factor(_ t: Double, of all: Int) -> Double {
    alpha + (1 - alpha) * (1 + cos(.pi * min(t / Double(steps ?? all), 1))) / 2
  }
}

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
    .whole("decay_steps", \.steps, counts, "units"),
    .flag("staircase", \.staircase, "in steps, not smoothly"),
  ]

  package init() {}
  package init(rate: Double, steps: Int = 1, staircase: Bool = false) {
    self.rate = rate
    self.steps = steps
    self.staircase = staircase
  }

  package func factor(_ t: Double, of all: Int) -> Double {
    let exponent = t / Double(steps)
    return pow(rate, staircase ? exponent.rounded(.down) : exponent)
  }
}

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
        isRequired: true, range: counts), \.milestones
    ) { milestones in
      let isLegal =
        !milestones.isEmpty && milestones.allSatisfy(counts.contains)
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

  package func factor(_ t: Double, of all: Int) -> Double {
    pow(gamma, Double(milestones.count { Double($0) <= t }))
  }
}

/// gamma^⌊t / size⌋.
package struct StepDecay: LearningRateCurve {
  package var size = 1
  package var gamma = 0.1

  package static let type = "step"
  package static let meaning = "PyTorch's StepLR"
  package static let options: [OptionDescription<Self>] = [
    .whole("step_size", \.size, counts, isRequired: true, "units after which the rate goes down"),
    .number("gamma", \.gamma, .above(0, to: 1), "factor of each"),
  ]

  package init() {}
  package init(size: Int, gamma: Double = 0.1) {
    self.size = size
    self.gamma = gamma
  }

  package func factor(_ t: Double, of all: Int) -> Double {
    pow(gamma, (t / Double(size)).rounded(.down))
  }
}
