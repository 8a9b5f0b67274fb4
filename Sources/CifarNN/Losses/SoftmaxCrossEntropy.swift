import Glibc

/// Which cross-entropy.
public struct LossOptions: Equatable, Sendable {
  /// The share of a label's weight that all classes get evenly: t = (1 − s)·onehot + s / classes.
  public var labelSmoothing: Float

  public init(labelSmoothing: Float = 0) { self.labelSmoothing = labelSmoothing }
}

/// The softmax of each row of logits, its cross-entropy with a label, and their gradient.
///
/// Computed from the logits, as `nn.CrossEntropyLoss` does and Keras on TensorFlow, which takes the
/// logits of a softmax layer: a difference of 50 between two logits is a loss of 50.
///
/// p = exp(z − max z) / Σ exp(z − max z); loss = −log p[label]; dLoss/dz = (p − onehot) / N for the
/// mean over N rows.
enum SoftmaxCrossEntropy {
  /// - Parameters:
  ///   - logits: (N, classes)
  ///   - gradient: (N, classes), of the mean loss; nil if not needed.
  static func evaluate(
    logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int, classes: Int,
    gradient: UnsafeMutablePointer<Float>?, options: LossOptions = LossOptions()
  ) -> BatchResult {
    var result = BatchResult(lossSum: 0, correct: 0, count: count)
    for row in 0..<count {
      let z = logits + row * classes
      let label = Int(labels[row])
      let (largest, sum) = normalizer(z, classes)
      if largest == label { result.correct += 1 }
      let dz = gradient.map { $0 + row * classes }
      guard options.labelSmoothing == 0 else {
        result.lossSum += smoothed(
          z, label: label, top: z[largest], sum: sum, classes: classes, factor: 1 / Float(count),
          gradient: dz, options)
        continue
      }
      result.lossSum += Double(log(sum) - (z[label] - z[largest]))
      guard let dz else { continue }
      let factor = 1 / Float(count)
      for k in 0..<classes {
        let p = exp(z[k] - z[largest]) / sum
        dz[k] = (k == label ? p - 1 : p) * factor
      }
    }
    // The NaN of x86 has its sign set, and C prints that as "-nan".
    if result.lossSum.isNaN { result.lossSum = .nan }
    return result
  }

  /// The loss of one row for targets t that are smoothed: −Σ t·log p; dLoss/dz[j] = p[j]·Σ t − t[j].
  /// As in Keras and `nn.CrossEntropyLoss`.
  private static func smoothed(
    _ z: UnsafePointer<Float>, label: Int, top: Float, sum: Float, classes: Int, factor: Float,
    gradient: UnsafeMutablePointer<Float>?, _ options: LossOptions
  ) -> Double {
    let rest = options.labelSmoothing / Float(classes)
    let logSum = log(sum)
    var loss = 0.0
    var mass: Float = 0
    for k in 0..<classes {
      let target = k == label ? 1 - options.labelSmoothing + rest : rest
      loss -= Double(target * (z[k] - top - logSum))
      mass += target
    }
    guard let gradient else { return loss }
    for k in 0..<classes {
      let target = k == label ? 1 - options.labelSmoothing + rest : rest
      gradient[k] = (exp(z[k] - top) / sum * mass - target) * factor
    }
    return loss
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

  /// - Parameter logarithms: (N), of each row's probability of its label.
  static func logProbabilities(
    logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int, classes: Int,
    logarithms: UnsafeMutablePointer<Double>
  ) {
    for row in 0..<count {
      let z = logits + row * classes
      let (largest, sum) = normalizer(z, classes)
      logarithms[row] = Double(z[Int(labels[row])]) - Double(z[largest]) - log(Double(sum))
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
