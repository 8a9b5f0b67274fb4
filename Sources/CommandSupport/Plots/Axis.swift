import Glibc

/// The range of an axis, with round numbers to write along it.
struct Axis {
  var lower: Double
  var upper: Double
  var ticks: [Double]

  /// - Parameter count: how many ticks are wanted, about.
  init(_ values: [Double], count: Int, whole: Bool = false) {
    let finite = values.filter(\.isFinite)
    var low = finite.min() ?? 0
    var high = finite.max() ?? 1
    if low == high {
      let margin = max(abs(low) * 0.1, whole ? 1 : 1e-9)
      (low, high) = (low - margin, high + margin)
    }
    let rough = high / Double(count) - low / Double(count)
    let power = pow(10, floor(log10(rough)))
    let factors: [Double] = [1, 2, 5, 10]
    var step = power * (factors.first { $0 * power >= rough } ?? 10)
    if whole { step = max(1, step) }
    guard step.isFinite, step > 0 else {
      (lower, upper, ticks) = (low, high, [low, high])
      return
    }
    let first = ceil(low / step)
    let last = floor(high / step)
    (lower, upper) = (low, high)
    ticks = first <= last ? (0...Int(last - first)).map { (first + Double($0)) * step } : [low]
  }

  /// 0 at the lower end, 1 at the upper one.
  func position(_ value: Double) -> Double {
    // Halved first: the span of two finite numbers may be infinite.
    let span = upper / 2 - lower / 2
    return span > 0 ? (value / 2 - lower / 2) / span : 0.5
  }

  static func label(_ value: Double) -> String { Format.short(abs(value) < 1e-12 ? 0 : value) }
}
