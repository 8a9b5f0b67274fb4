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

  /// Whether the loss at a point is less than those before it by more than batches differ: the smoothed
  /// one by a deviation of single ones, which is three of its own or more.
  private static func falls(_ points: [RateRangeTest.Point], to end: Int) -> Bool {
    guard end >= 3 else { return false }
    let losses = points[...end].map(\.loss)
    let head = losses[..<max(2, end / 4)]
    let start = head.reduce(0, +) / Double(head.count)
    // Of neighbours, which have nearly the same rate.
    let squares = zip(losses, losses.dropFirst()).map { ($1 - $0) * ($1 - $0) / 2 }
    let deviation = (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    let fall = start - points[end].smoothedLoss
    return fall > deviation && fall > 0.02 * start
  }

  /// - Parameters:
  ///   - wasEnded: whether someone ended the test.
  ///   - current: the rate of the hyperparameters.
  init(points: [RateRangeTest.Point], hasDiverged: Bool, wasEnded: Bool, current: Double) {
    self.points = points
    self.hasDiverged = hasDiverged
    let losses = points.map(\.smoothedLoss)
    let lowest = losses.indices.min { losses[$0] < losses[$1] } ?? 0
    guard RateRange.falls(points, to: lowest) else {
      (steepest, minimum, suggestion) = (nil, nil, nil)
      reason =
        wasEnded
        ? "The test was ended before the loss fell."
        : "The loss falls nowhere between \(RateRange.text(points[0].rate)) and "
          + "\(RateRange.text(points[points.count - 1].rate)): no rate is suggested. More steps, or "
          + "other ends, may show more."
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
