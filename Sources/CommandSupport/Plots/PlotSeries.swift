/// One curve of a plot.
public struct PlotSeries {
  public var label: String
  /// What was not measured is left out, what is not a number stays.
  public var points: [(x: Double, y: Double)]

  public init(label: String, points: [(x: Double, y: Double)]) {
    self.label = label
    self.points = points
  }
}

/// What runs along the floor of a plot.
public enum PlotScale: Sendable {
  case epochs
  /// Powers of ten, by their exponents: a point's x is the decimal logarithm.
  case exponents(title: String)

  public var title: String {
    switch self {
    case .epochs: "epoch"
    case .exponents(let title): title
    }
  }

  func label(_ value: Double) -> String {
    switch self {
    case .epochs: Axis.label(value)
    case .exponents: "1e\(Axis.label(value))"
    }
  }
}
