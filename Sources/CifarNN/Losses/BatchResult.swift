/// The result of a batch.
public struct BatchResult: Equatable, Sendable {
  /// The sum of the losses of its images; NaN or infinite if training diverged.
  public var lossSum: Double
  /// Images whose most probable class is their label; of two labels, the one that counts more.
  public var correct: Int
  public var count: Int

  /// The result of both batches.
  public static func + (one: BatchResult, other: BatchResult) -> BatchResult {
    BatchResult(
      lossSum: one.lossSum + other.lossSum, correct: one.correct + other.correct,
      count: one.count + other.count)
  }

  public init(lossSum: Double, correct: Int, count: Int) {
    self.lossSum = lossSum
    self.correct = correct
    self.count = count
  }
}
