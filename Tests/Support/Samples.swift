import CifarCore

/// Random numbers for tests: the same on every machine and in every order of the tests.
public enum Samples {
  /// Uniform in [low, high).
  public static func uniform(
    _ count: Int, seed: UInt64, _ low: Float = -1, _ high: Float = 1
  ) -> [Float] {
    var random = RandomSequence(seed: seed, purpose: .syntheticImages, major: 1)
    return (0..<count).map { _ in random.uniform(low, high) }
  }

  /// Numbers that lie at least `gap` apart and at least half of it away from 0, in random order:
  /// a small step in one of them takes no ReLU and no maximum over its edge.
  public static func apart(_ count: Int, seed: UInt64, gap: Float = 0.05) -> [Float] {
    var random = RandomSequence(seed: seed, purpose: .shuffle, major: 1)
    var values = (0..<count).map { (Float($0 - count / 2) + 0.5) * gap }
    for i in stride(from: count - 1, to: 0, by: -1) { values.swapAt(i, random.below(i + 1)) }
    return values
  }

  /// Indices below `count`: all of them, or `most` of them at random.
  public static func indices(below count: Int, most: Int, seed: UInt64) -> [Int] {
    guard count > most else { return Array(0..<count) }
    var random = RandomSequence(seed: seed, purpose: .shuffle, major: 2)
    return (0..<most).map { _ in random.below(count) }
  }
}

extension [Float] {
  public var doubles: [Double] { map(Double.init) }
}
