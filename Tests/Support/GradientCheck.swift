/// Gradients by central differences.
public enum GradientCheck {
  /// How far `gradient` is from the derivative of `loss` at `values`, relative to its size.
  ///
  /// - Parameters:
  ///   - most: places that are tried; more than there are means all of them.
  ///   - step: half the distance of the two evaluations. In double, with a smooth `loss`, 1e-5
  ///     leaves an error of some 1e-10.
  public static func relativeError(
    of gradient: [Float], at values: [Double], most: Int = 60, step: Double = 1e-5,
    loss: ([Double]) -> Double
  ) -> Double {
    guard gradient.count == values.count else { return .infinity }
    let places = Samples.indices(below: values.count, most: most, seed: 5)
    let numerical = places.map { place in
      var moved = values
      moved[place] = values[place] + step
      let above = loss(moved)
      moved[place] = values[place] - step
      return (above - loss(moved)) / (2 * step)
    }
    return TestSupport.relativeError(places.map { gradient[$0] }, numerical)
  }

  /// Σ weights·values: makes one number of many, whose gradient is `weights`.
  public static func project(_ values: [Double], on weights: [Float]) -> Double {
    zip(values, weights).reduce(0) { $0 + $1.0 * Double($1.1) }
  }
}
