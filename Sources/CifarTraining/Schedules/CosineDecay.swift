import CifarCore
import Glibc

/// alpha + (1 − alpha)·(1 + cos(π·t / steps)) / 2 and alpha from then on.
package struct CosineDecay: LearningRateCurve {
  package var steps: Int?
  package var alpha = 0.0

  package static let type = "cosine"
  package static let meaning =
    "Keras's CosineDecay; PyTorch's CosineAnnealingLR with eta_min = alpha · rate"
  package static let options: [OptionDescription<Self>] = [
    .whole(
      "decay_steps", \.steps, LearningRateSchedule.counts,
      "units until it ends; else it ends when training does"),
    .number("alpha", \.alpha, .from(0, to: 1), "factor at the end"),
  ]

  package init() {}
  package init(steps: Int?, alpha: Double = 0) {
    self.steps = steps
    self.alpha = alpha
  }

  package func factor(_ t: Double, of all: Double) -> Double {
    alpha + (1 - alpha) * (1 + cos(.pi * min(t / (steps.map { Double($0) } ?? all), 1))) / 2
  }
}
