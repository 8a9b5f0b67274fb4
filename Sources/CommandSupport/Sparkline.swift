/// A curve in one line of text.
public enum Sparkline {
  private static let steps = Array("▁▂▃▄▅▆▇█")

  /// - Parameters:
  ///   - values: what is not finite is shown as `·`.
  ///   - width: characters at most; longer series are thinned, the last value stays.
  public static func text(_ values: [Double], width: Int = 16) -> String {
    guard !values.isEmpty, width > 0 else { return "" }
    let count = min(values.count, width)
    let chosen = (0..<count).map { index in
      values[count == 1 ? values.count - 1 : index * (values.count - 1) / (count - 1)]
    }
    let finite = chosen.filter(\.isFinite)
    guard let lowest = finite.min(), let highest = finite.max() else {
      return String(repeating: "·", count: count)
    }
    // Halved first: the span of two finite numbers may be infinite.
    let span = highest / 2 - lowest / 2
    return String(
      chosen.map { value -> Character in
        guard value.isFinite else { return "·" }
        let share = span > 0 ? (value / 2 - lowest / 2) / span : 0
        return steps[min(steps.count - 1, Int(share * Double(steps.count)))]
      })
  }
}
