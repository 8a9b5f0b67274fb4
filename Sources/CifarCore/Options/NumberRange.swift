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
  /// Training computes in float32, where a number may be so small that it is none.
  func fault(_ value: Double) -> String? {
    guard contains(value) else { return "\(value) is not \(self)" }
    return NumberRange.underflow(value)
  }

  /// Likewise, where a value that is not 0 is 0 in float32.
  public static func underflow(_ value: Double) -> String? {
    guard value != 0, Float(value) == 0 else { return nil }
    return "\(value) is 0 in float32, which training computes in: no number there is smaller than "
      + "\(Float.leastNonzeroMagnitude)"
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
