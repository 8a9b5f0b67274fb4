/// The numbers that an option may have, in words that errors and the documentation share.
public struct NumberRange: Sendable, CustomStringConvertible {
  private let lower: Double
  private let upper: Double
  private let includesLower: Bool
  private let includesUpper: Bool

  private init(
    _ lower: Double, _ upper: Double, includesLower: Bool = true, includesUpper: Bool = true
  ) {
    self.lower = lower
    self.upper = upper
    self.includesLower = includesLower
    self.includesUpper = includesUpper
  }

  public static let finite = NumberRange(-.infinity, .infinity)
  public static func atLeast(_ lower: Double) -> NumberRange { NumberRange(lower, .infinity) }
  public static func above(_ lower: Double) -> NumberRange {
    NumberRange(lower, .infinity, includesLower: false)
  }
  public static func from(_ lower: Double, to upper: Double) -> NumberRange {
    NumberRange(lower, upper)
  }
  public static func from(_ lower: Double, below upper: Double) -> NumberRange {
    NumberRange(lower, upper, includesUpper: false)
  }
  public static func above(_ lower: Double, to upper: Double) -> NumberRange {
    NumberRange(lower, upper, includesLower: false)
  }
  public static func above(_ lower: Double, below upper: Double) -> NumberRange {
    NumberRange(lower, upper, includesLower: false, includesUpper: false)
  }

  /// No range has NaN or the infinities.
  public func contains(_ value: Double) -> Bool {
    value.isFinite && (includesLower ? value >= lower : value > lower)
      && (includesUpper ? value <= upper : value < upper)
  }

  /// What is wrong with a value, as a sentence that follows the option's name; nil for nothing.
  ///
  /// Training computes in float32, where a number may be so small that it is none, so large that it
  /// is infinite, or so near to an end that the range leaves out that it is that end.
  public func fault(_ value: Double) -> String? {
    guard contains(value) else { return "\(value) is not \(self)" }
    if let fault = NumberRange.float32Fault(value) { return fault }
    let single = Float(value)
    for (end, isIncluded, inside) in [
      (lower, includesLower, Float(lower).nextUp), (upper, includesUpper, Float(upper).nextDown),
    ] where !isIncluded && single == Float(end) {
      return "\(value) is \(NumberRange.short(end)) in float32, which training computes in, and so "
        + "not \(self): \(inside) is the nearest to it that is"
    }
    return nil
  }

  /// Likewise, where a value that is not 0 is 0 in float32, or a finite one infinite.
  public static func float32Fault(_ value: Double) -> String? {
    let single = Float(value)
    if single == 0, value != 0 {
      return "\(value) is 0 in float32, which training computes in: no number there is smaller "
        + "than \(Float.leastNonzeroMagnitude)"
    }
    if single.isInfinite, value.isFinite {
      return "\(value) is infinite in float32, which training computes in: no number there is "
        + "larger than \(Float.greatestFiniteMagnitude)"
    }
    return nil
  }

  public var description: String {
    let (low, high) = (NumberRange.short(lower), NumberRange.short(upper))
    switch (lower.isFinite, upper.isFinite) {
    case (false, _): return "a finite number"
    case (true, false): return includesLower ? "\(low) or above" : "above \(low)"
    case (true, true):
      return (includesLower ? "from \(low)" : "above \(low)")
        + (includesLower ? " to " : includesUpper ? ", up to " : " and ")
        + (includesUpper ? high : "below \(high)")
    }
  }

  private static func short(_ value: Double) -> String {
    Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
