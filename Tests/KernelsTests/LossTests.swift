import CifarCore
import Kernels
import TestSupport
import Testing

/// The softmax, its cross-entropy and its gradient.
@Suite(.onBothSides) struct LossTests {
  static let classes = [1, 2, 5, 8, 10, 17, 100]
  static let rows = 7

  private static func labels(_ classes: Int) -> [Int32] {
    (0..<rows).map { Int32($0 * 13 % classes) }
  }

  @Test(arguments: InstructionSet.all, classes)
  func crossEntropy(set: InstructionSet, classes: Int) {
    let labels = LossTests.labels(classes)
    let values = Samples.uniform(LossTests.rows * classes, seed: 1, -4, 4)
    let (logits, start) = GuardedBuffer.unaligned(values)
    for smoothing: Float in [0, 0.1, 1] {
      let mean = {
        RowOracles.crossEntropy(
          $0, labels: labels.map(Int.init), classes: classes, smoothing: Double(smoothing))
      }
      let (gradient, gradientStart) = GuardedBuffer.unaligned(
        [Float](repeating: .nan, count: values.count))
      let result = set.kernels.crossEntropy(
        start, labels: labels, rows: LossTests.rows, classes: classes, smoothing: smoothing,
        scales: nil, divisor: LossTests.rows, gradient: gradientStart)
      #expect(abs(result.lossSum / Double(LossTests.rows) - mean(values.doubles)) < 1e-6)
      #expect(result.correct == hits(values, labels, classes))
      let error = GradientCheck.relativeError(
        of: Array(gradient.array[1...]), at: values.doubles, loss: mean)
      #expect(classes == 1 || error < 1e-5)
      #expect(gradient.isIntact && logits.isIntact && gradient[0] == -12_345)

      let alone = set.kernels.crossEntropy(
        start, labels: labels, rows: LossTests.rows, classes: classes, smoothing: smoothing,
        scales: nil, divisor: LossTests.rows, gradient: nil)
      #expect(alone == result)
    }
  }

  @Test(arguments: InstructionSet.all, classes)
  func scaledRows(set: InstructionSet, classes: Int) {
    let labels = LossTests.labels(classes)
    let values = Samples.uniform(LossTests.rows * classes, seed: 3, -4, 4)
    let (logits, start) = GuardedBuffer.unaligned(values)
    let scales: [Float] = [1, 0, 2.5, 0.25, 1, 3, 0.5]
    let (kept, scalesStart) = GuardedBuffer.unaligned(scales)
    for smoothing: Float in [0, 0.1] {
      let mean = {
        RowOracles.crossEntropy(
          $0, labels: labels.map(Int.init), classes: classes, smoothing: Double(smoothing),
          scales: scales.doubles)
      }
      let (gradient, gradientStart) = GuardedBuffer.unaligned(
        [Float](repeating: .nan, count: values.count))
      let result = set.kernels.crossEntropy(
        start, labels: labels, rows: LossTests.rows, classes: classes, smoothing: smoothing,
        scales: scalesStart, divisor: LossTests.rows, gradient: gradientStart)
      #expect(abs(result.lossSum / Double(LossTests.rows) - mean(values.doubles)) < 2e-6)
      #expect(result.correct == hits(values, labels, classes))
      let error = GradientCheck.relativeError(
        of: Array(gradient.array[1...]), at: values.doubles, loss: mean)
      #expect(classes == 1 || error < 1e-5)
      #expect(gradient.isIntact && logits.isIntact && kept.isIntact)
    }
  }

  /// Two losses, each by itself, mixed.
  @Test(arguments: InstructionSet.all, classes)
  func mixedLabels(set: InstructionSet, classes: Int) {
    let labels = LossTests.labels(classes)
    let others = [labels[LossTests.rows - 1]] + labels.dropLast()
    let values = Samples.uniform(LossTests.rows * classes, seed: 4, -4, 4)
    let (logits, start) = GuardedBuffer.unaligned(values)
    let scales: [Float] = [1, 0, 2.5, 0.25, 1, 3, 0.5]
    let otherScales = [scales[LossTests.rows - 1]] + scales.dropLast()
    let (kept, scalesStart) = GuardedBuffer.unaligned(scales)
    let (otherKept, otherStart) = GuardedBuffer.unaligned(otherScales)
    for (smoothing, share, isScaled) in [
      (Float(0), Float(0.3), false), (0.1, 0.7, false), (0, 0.5, true), (0.1, 0.25, true),
      (0, 1, true), (0.1, 0, true),
    ] {
      let mean = { (z: [Double]) in
        [(labels, scales, Double(share)), (others, otherScales, 1 - Double(share))].reduce(0) {
          $0 + $1.2
            * RowOracles.crossEntropy(
              z, labels: $1.0.map(Int.init), classes: classes, smoothing: Double(smoothing),
              scales: isScaled ? $1.1.doubles : nil)
        }
      }
      let (gradient, gradientStart) = GuardedBuffer.unaligned(
        [Float](repeating: .nan, count: values.count))
      let result = set.kernels.mixedCrossEntropy(
        start, labels: labels, otherLabels: others, share: share, rows: LossTests.rows,
        classes: classes, smoothing: smoothing, scales: isScaled ? scalesStart : nil,
        otherScales: isScaled ? otherStart : nil, divisor: LossTests.rows,
        gradient: gradientStart)
      #expect(abs(result.lossSum / Double(LossTests.rows) - mean(values.doubles)) < 2e-6)
      #expect(result.correct == hits(values, share >= 0.5 ? labels : others, classes))
      let error = GradientCheck.relativeError(
        of: Array(gradient.array[1...]), at: values.doubles, loss: mean)
      #expect(classes == 1 || error < 1e-5)
      #expect(gradient.isIntact && logits.isIntact && kept.isIntact && otherKept.isIntact)
      let alone = set.kernels.mixedCrossEntropy(
        start, labels: labels, otherLabels: others, share: share, rows: LossTests.rows,
        classes: classes, smoothing: smoothing, scales: isScaled ? scalesStart : nil,
        otherScales: isScaled ? otherStart : nil, divisor: LossTests.rows,
        gradient: nil)
      #expect(alone == result)
    }
  }

  private func hits(_ values: [Float], _ labels: [Int32], _ classes: Int) -> Int {
    labels.enumerated().count { row, label in
      let z = values[(row * classes)..<((row + 1) * classes)]
      return z.firstIndex(of: z.max() ?? .nan) == row * classes + Int(label)
    }
  }

  @Test(arguments: InstructionSet.all, classes)
  func probabilities(set: InstructionSet, classes: Int) {
    let labels = LossTests.labels(classes)
    let values = Samples.uniform(LossTests.rows * classes, seed: 2, -9, 9)
    let (logits, start) = GuardedBuffer.unaligned(values)
    let (probabilities, to) = GuardedBuffer.unaligned(
      [Float](repeating: .nan, count: values.count))
    set.kernels.softmax(start, rows: LossTests.rows, classes: classes, probabilities: to)
    let expected = RowOracles.softmax(values.doubles, classes: classes)
    #expect(relativeError(Array(probabilities.array[1...]), expected) < 1e-6)
    var logarithms = [Double](repeating: .nan, count: LossTests.rows)
    set.kernels.logProbabilities(
      start, labels: labels, rows: LossTests.rows, classes: classes, logarithms: &logarithms)
    for row in 0..<LossTests.rows {
      let exact = RowOracles.logProbability(
        values.doubles, row, Int(labels[row]), classes: classes)
      #expect(abs(logarithms[row] - exact) < 1e-6)
    }
    #expect(logits.isIntact && probabilities.isIntact && probabilities[0] == -12_345)
  }

  @Test(arguments: InstructionSet.all) func largeLogitsOverflowNothing(set: InstructionSet) {
    let logits: [Float] = [1e4, -1e4, 0, -3e38, 3e38, 0]
    let result = set.kernels.crossEntropy(
      logits, labels: [0, 1], rows: 2, classes: 3, smoothing: 0, scales: nil, divisor: 2,
      gradient: nil)
    #expect(result.lossSum == 0 && result.correct == 2)
    let mixed = set.kernels.mixedCrossEntropy(
      logits, labels: [0, 1], otherLabels: [0, 1], share: 0.5, rows: 2, classes: 3, smoothing: 0,
      scales: nil, otherScales: nil, divisor: 2, gradient: nil)
    #expect(mixed.lossSum == 0 && mixed.correct == 2)
    var logarithm = [0.0]
    set.kernels.logProbabilities(
      [1e4, -1e4], labels: [1], rows: 1, classes: 2, logarithms: &logarithm)
    #expect(logarithm == [-2e4])
  }

  /// The first of equals counts as the prediction; NaN stays in loss and gradient.
  @Test(arguments: InstructionSet.all) func equalsAndNoNumbers(set: InstructionSet) {
    let result = set.kernels.crossEntropy(
      [1, 1, 1, 1], labels: [0, 1], rows: 2, classes: 2, smoothing: 0, scales: nil, divisor: 2,
      gradient: nil)
    #expect(result.correct == 1)
    for smoothing: Float in [0, 0.1] {
      var gradient = [Float](repeating: 0, count: 3)
      let broken = set.kernels.crossEntropy(
        [0, .nan, 1], labels: [0], rows: 1, classes: 3, smoothing: smoothing, scales: nil,
        divisor: 1, gradient: &gradient)
      #expect(broken.lossSum.isNaN && gradient.allSatisfy(\.isNaN))
      let mixed = set.kernels.mixedCrossEntropy(
        [0, .nan, 1], labels: [0], otherLabels: [2], share: 0.5, rows: 1, classes: 3,
        smoothing: smoothing, scales: nil, otherScales: nil, divisor: 1, gradient: &gradient)
      #expect(mixed.lossSum.isNaN && gradient.allSatisfy(\.isNaN))
    }
  }
}
