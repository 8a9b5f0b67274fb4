import CifarCore
import Glibc

/// What a `RateRangeTest` came to.
public struct RateRange: Sendable {
  /// At least one, in the order of the steps.
  public let points: [RateRangeTest.Point]
  /// Whether the loss grew beyond the limit, or was no number any more.
  public let hasDiverged: Bool
  /// Where the smoothed loss falls fastest over the logarithm of the rate; nil where it falls nowhere.
  public let steepest: Double?
  /// Where the smoothed loss is smallest; nil where it does not fall.
  public let minimum: Double?
  /// The rate to take: the smaller of `steepest` and a tenth of `minimum`; nil where the test does not
  /// tell.
  public let suggestion: Double?
  /// Why this one, or why none, in a few sentences.
  public let reason: String

  /// How far the loss has fallen at a point, from those that training began with.
  private struct Fall {
    let start: Double
    let end: Double
    /// Whether that is more than batches differ by: the smoothed loss has fallen by a deviation of single
    /// ones, which is three of its own or more.
    let isCertain: Bool

    /// nil where the loss does not fall at all.
    init?(_ points: [RateRangeTest.Point], to end: Int) {
      guard end >= 1 else { return nil }
      let losses = points[...end].map(\.loss)
      let head = losses[..<min(losses.count, max(2, end / 4))]
      start = head.reduce(0, +) / Double(head.count)
      self.end = points[end].smoothedLoss
      let fall = start - self.end
      guard fall > 0 else { return nil }
      // Of neighbours, which have nearly the same rate.
      let squares = zip(losses, losses.dropFirst()).map { ($1 - $0) * ($1 - $0) / 2 }
      let deviation = (squares.reduce(0, +) / Double(squares.count)).squareRoot()
      isCertain = end >= 3 && fall > deviation && fall > 0.02 * start
    }

    var text: String {
      let share = ((start - end) / start * 1000).rounded() / 10
      return "by \(share) % (from \(Fall.text(start)) to \(Fall.text(end)))"
    }

    private static func text(_ loss: Double) -> String {
      "\((loss * 10_000).rounded() / 10_000)"
    }
  }

  /// - Parameters:
  ///   - wasEnded: whether someone ended the test.
  ///   - current: the rate of the hyperparameters.
  init(points: [RateRangeTest.Point], hasDiverged: Bool, wasEnded: Bool, current: Double) {
    self.points = points
    self.hasDiverged = hasDiverged
    let losses = points.map(\.smoothedLoss)
    // Not among the first, whose smoothed losses are those of a few batches.
    let lowest =
      losses.indices.dropFirst(points.count / 10).min { losses[$0] < losses[$1] } ?? 0
    let fall = Fall(points, to: lowest)
    guard let fall, fall.isCertain else {
      (steepest, minimum, suggestion) = (nil, nil, nil)
      let range =
        "between \(RateRange.text(points[0].rate)) and \(RateRange.text(points[points.count - 1].rate))"
      let much =
        fall.map {
          " by more than batches differ: it falls \($0.text), and is smallest at "
            + RateRange.text(points[lowest].rate)
        } ?? ""
      reason =
        "The loss falls nowhere \(range)\(much). No rate is suggested"
        + (wasEnded ? ": the test was ended early." : "; more steps, or other ends, may show more.")
      return
    }
    let smallest = points[lowest].rate
    let slope = RateRange.steepest(points, before: lowest)
    steepest = slope
    minimum = smallest
    let end = "The loss is smallest at \(RateRange.text(smallest))"
    let fastest = slope.map { ", and falls fastest at \(RateRange.text($0))" } ?? ""
    guard hasDiverged || lowest < points.count - 1 else {
      suggestion = slope
      reason =
        end + ", the end of the test\(fastest): it has not shown which rate is too large. "
        + "\(slope == nil ? "No rate is suggested" : "The latter is suggested"); a test that goes "
        + "further may show more."
      return
    }
    let tenth = smallest / 10
    let rate = min(tenth, slope ?? tenth)
    suggestion = rate
    // Where a network dies the loss may be smallest far beyond what trains it.
    reason =
      end + fastest + ". Suggested is \(RateRange.text(rate)), "
      + (rate == tenth
        ? "a tenth of the former" : "the latter, which is less than a tenth of the former")
      + ": training is fast there, and far from the rates at which it diverges"
      + (current > 0 ? "; the training would have had \(RateRange.text(current))." : ".")
  }

  /// By the slope over a window of steps, as the losses of batches differ.
  private static func steepest(_ points: [RateRangeTest.Point], before end: Int) -> Double? {
    let reach = max(1, points.count / 20)
    var best: (slope: Double, rate: Double)?
    for index in points.indices where index >= reach && index + reach <= end {
      let (one, other) = (points[index - reach], points[index + reach])
      let slope = (other.smoothedLoss - one.smoothedLoss) / log(other.rate / one.rate)
      if slope < best?.slope ?? 0 { best = (slope, points[index].rate) }
    }
    return best?.rate
  }

  /// `0.0024`, with two digits: the test tells no more.
  public static func text(_ rate: Double) -> String {
    guard rate > 0, rate.isFinite else { return "\(rate)" }
    let power = pow(10, log10(rate).rounded(.down) - 1)
    let rounded = (rate / power).rounded() * power
    // The digits that rounding leaves behind.
    let (digits, exponent) = (Int((rounded / power).rounded()), Int(log10(power).rounded()))
    return "\(Double("\(digits)e\(exponent)") ?? rounded)"
  }
}
