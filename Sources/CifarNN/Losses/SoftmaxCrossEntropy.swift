import Glibc

/// The softmax of each row of logits, its cross-entropy with a label, and their gradient.
///
/// p = exp(z − max z) / Σ exp(z − max z); loss = −log p[label]; dLoss/dz = (p − onehot) / N for the
/// mean over N rows.
enum SoftmaxCrossEntropy {
  /// - Parameters:
  ///   - logits: (N, classes)
  ///   - gradient: (N, classes), of the mean loss; nil if not needed.
  static func evaluate(
    logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int, classes: Int,
    gradient: UnsafeMutablePointer<Float>?
  ) -> BatchResult {
    var result = BatchResult(lossSum: 0, correct: 0, count: count)
    for row in 0..<count {
      let z = logits + row * classes
      let label = Int(labels[row])
      let (largest, sum) = normalizer(z, classes)
      result.lossSum += Double(log(sum) - (z[label] - z[largest]))
      if largest == label { result.correct += 1 }
      guard let gradient else { continue }
      let factor = 1 / Float(count)
      for k in 0..<classes {
        let p = exp(z[k] - z[largest]) / sum
        gradient[row * classes + k] = (k == label ? p - 1 : p) * factor
      }
    }
    return result
  }

  /// - Parameter probabilities: (N, classes)
  static func softmax(
    logits: UnsafePointer<Float>, count: Int, classes: Int,
    probabilities: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<count {
      let z = logits + row * classes
      let (largest, sum) = normalizer(z, classes)
      for k in 0..<classes { probabilities[row * classes + k] = exp(z[k] - z[largest]) / sum }
    }
  }

  /// The index of the largest logit, the first of equals, and Σ exp(z − that).
  private static func normalizer(
    _ z: UnsafePointer<Float>, _ classes: Int
  ) -> (largest: Int, sum: Float) {
    var largest = 0
    for k in 1..<classes where z[k] > z[largest] { largest = k }
    var sum: Float = 0
    for k in 0..<classes { sum += exp(z[k] - z[largest]) }
    return (largest, sum)
  }
}

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
