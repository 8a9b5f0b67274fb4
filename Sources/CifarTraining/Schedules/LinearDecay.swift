import CifarCore

/// start + (end − start)·t / steps and end from then on.
package struct LinearDecay: LearningRateCurve {
  package var steps: Int?
  package var start = 1.0
  package var end = 0.0

  package static let type = "linear"
  package static let meaning = "in a straight line; PyTorch's LinearLR with decay_steps units"
  package static let options: [OptionDescription<Self>] = [
    .whole(
      "decay_steps", \.steps, LearningRateSchedule.counts,
      "units until it ends; else it ends when training does"),
    .number("start", \.start, .from(0, to: 1), "factor at the start"),
    .number("end", \.end, .from(0, to: 1), "factor at the end"),
  ]

  package init() {}
  package init(steps: Int? = nil, start: Double = 1, end: Double = 0) {
    self.steps = steps
    self.start = start
    self.end = end
  }

  package func factor(_ t: Double, of all: Double) -> Double {
    start + (end - start) * min(t / (steps.map { Double($0) } ?? all), 1)
  }
}
