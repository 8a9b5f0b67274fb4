/// The result of a batch.
public struct BatchResult: Equatable, Sendable {
  /// The sum of the losses of its images; NaN or infinite if training diverged.
  public var lossSum: Double
  /// Images whose most probable class is their label.
  public var correct: Int
  public var count: Int

  public init(lossSum: Double, correct: Int, count: Int) {
    self.lossSum = lossSum
    self.correct = correct
    self.count = count
  }
}
