import Glibc
import KernelABI

// Rows are short, ten classes: a row is a loop over single numbers.

extension KernelSet {
  public func crossEntropy(
    _ logits: Input, labels: UnsafePointer<Int32>, rows: Int, classes: Int, smoothing: Float,
    scales: Input?, divisor: Int, gradient: Output?
  ) -> (lossSum: Double, correct: Int) {
    var result = (lossSum: 0.0, correct: 0)
    for row in 0..<rows {
      let scale = scales.map { $0[row] } ?? 1
      let factor = scale / Float(divisor)
      let z = logits + row * classes
      let label = Int(labels[row])
      let (largest, sum) = normalizer(z, classes)
      if largest == label { result.correct += 1 }
      let dz = gradient.map { $0 + row * classes }
      if smoothing == 0 {
        result.lossSum += Double(scale) * Double(logf(sum) - (z[label] - z[largest]))
        if let dz { plainGradient(z, label, z[largest], sum, classes, factor, dz) }
      } else {
        result.lossSum +=
          Double(scale)
          * smoothedLoss(z, label, z[largest], sum, classes, smoothing, factor, gradient: dz)
      }
    }
    return result
  }

  @inline(__always)
  private func plainGradient(
    _ z: Input, _ label: Int, _ top: Float, _ sum: Float, _ classes: Int, _ factor: Float,
    _ gradient: Output
  ) {
    for k in 0..<classes {
      let p = expf(z[k] - top) / sum
      gradient[k] = (k == label ? p - 1 : p) * factor
    }
  }

  private func smoothedLoss(
    _ z: Input, _ label: Int, _ top: Float, _ sum: Float, _ classes: Int, _ smoothing: Float,
    _ factor: Float, gradient: Output?
  ) -> Double {
    let rest = smoothing / Float(classes)
    let logSum = logf(sum)
    var loss = 0.0
    var mass: Float = 0
    for k in 0..<classes {
      let target = k == label ? 1 - smoothing + rest : rest
      loss -= Double(target * (z[k] - top - logSum))
      mass += target
    }
    guard let gradient else { return loss }
    for k in 0..<classes {
      let target = k == label ? 1 - smoothing + rest : rest
      gradient[k] = (expf(z[k] - top) / sum * mass - target) * factor
    }
    return loss
  }

  public func mixedCrossEntropy(
    _ logits: Input, labels: UnsafePointer<Int32>, otherLabels: UnsafePointer<Int32>, share: Float,
    rows: Int, classes: Int, smoothing: Float, scales: Input?, otherScales: Input?, divisor: Int,
    gradient: Output?
  ) -> (lossSum: Double, correct: Int) {
    var result = (lossSum: 0.0, correct: 0)
    for row in 0..<rows {
      let z = logits + row * classes
      let (one, other) = (Int(labels[row]), Int(otherLabels[row]))
      let (largest, sum) = normalizer(z, classes)
      if largest == (share >= 0.5 ? one : other) { result.correct += 1 }
      let first = share * (scales.map { $0[row] } ?? 1)
      let second = (1 - share) * (otherScales.map { $0[row] } ?? 1)
      let rest = (first + second) * smoothing / Float(classes)
      let logSum = logf(sum)
      var mass: Float = 0
      for k in 0..<classes {
        let target = mixedTarget(k, one, first, other, second, smoothing) + rest
        mass += target
        // What has no share in the loss may have an infinite logarithm.
        if target != 0 { result.lossSum -= Double(target) * Double(z[k] - z[largest] - logSum) }
      }
      guard let gradient else { continue }
      for k in 0..<classes {
        let target = mixedTarget(k, one, first, other, second, smoothing) + rest
        gradient[row * classes + k] =
          (expf(z[k] - z[largest]) / sum * mass - target) / Float(divisor)
      }
    }
    return result
  }

  /// What class k gets of both labels' weights, apart from what all classes get.
  @inline(__always)
  private func mixedTarget(
    _ k: Int, _ one: Int, _ first: Float, _ other: Int, _ second: Float, _ smoothing: Float
  ) -> Float {
    (1 - smoothing) * ((k == one ? first : 0) + (k == other ? second : 0))
  }

  public func softmax(_ logits: Input, rows: Int, classes: Int, probabilities: Output) {
    for row in 0..<rows {
      let z = logits + row * classes
      let (largest, sum) = normalizer(z, classes)
      for k in 0..<classes { probabilities[row * classes + k] = expf(z[k] - z[largest]) / sum }
    }
  }

  public func logProbabilities(
    _ logits: Input, labels: UnsafePointer<Int32>, rows: Int, classes: Int,
    logarithms: UnsafeMutablePointer<Double>
  ) {
    for row in 0..<rows {
      let z = logits + row * classes
      let (largest, sum) = normalizer(z, classes)
      logarithms[row] = Double(z[Int(labels[row])]) - Double(z[largest]) - log(Double(sum))
    }
  }

  /// The index of the largest logit, the first of equals, and Σ exp(z − that).
  private func normalizer(_ z: Input, _ classes: Int) -> (largest: Int, sum: Float) {
    var largest = 0
    for k in 1..<classes where z[k] > z[largest] { largest = k }
    var sum: Float = 0
    for k in 0..<classes { sum += expf(z[k] - z[largest]) }
    return (largest, sum)
  }
}
