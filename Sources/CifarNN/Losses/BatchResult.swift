/// What a batch came to.
public struct BatchResult: Equatable, Sendable {
  /// The sum of the losses of its images; NaN or infinite if training went astray.
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
