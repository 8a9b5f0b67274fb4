/// √(Σ(actual − expected)² / Σ expected²): how wrong a whole array is, measured against its size.
/// Infinite if the counts differ or a number is not finite; the plain root of the sum of squares
/// where all that is expected is 0.
public func relativeError(_ actual: [Float], _ expected: [Double]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  var wrong = 0.0
  var size = 0.0
  for (a, e) in zip(actual, expected) {
    guard a.isFinite else { return .infinity }
    wrong += (Double(a) - e) * (Double(a) - e)
    size += e * e
  }
  return (size > 0 ? wrong / size : wrong).squareRoot()
}
