import CifarCore

/// In straight lines from start to 1, and from there to end; 1 at ⌊peak·steps⌋, or that many epochs where
/// the rate changes between them.
package struct Triangular: LearningRateCurve {
  package var start = 0.0
  package var peak = 0.5
  package var end = 0.0

  package static let type = "triangular"
  package static let meaning = "up and down in straight lines, as in airbench; one cycle"
  package static let options: [OptionDescription<Self>] = [
    .number("start", \.start, .from(0, to: 1), "factor at the start"),
    .number("peak", \.peak, .above(0, below: 1), "where it is 1, as a share of training"),
    .number("end", \.end, .from(0, to: 1), "factor at the end"),
  ]

  package init() {}
  package init(start: Double, peak: Double, end: Double) {
    self.start = start
    self.peak = peak
    self.end = end
  }

  package func factor(_ t: Double, of all: Double) -> Double { factor(t, of: all, step: 1) }

  package func factor(_ t: Double, of all: Double, step: Double) -> Double {
    let top = (peak * all / step).rounded(.down) * step
    if t < top { return start + (1 - start) * t / top }
    return all > top ? 1 + (end - 1) * min((t - top) / (all - top), 1) : end
  }
}
