import CifarCore
import CifarData
import CifarRegistry
import Glibc

/// Adds up an evaluation, batch by batch.
struct EvaluationCounts {
  private let classNames: [String]
  private let shape: ImageShape
  private let flips: Bool
  private var lossSum = 0.0
  private var correct = 0
  private var topFive = 0
  private var count = 0
  private let confusion: AlignedBuffer<Int>
  private var examples: EvaluationExamples?

  private var classes: Int { classNames.count }

  /// - Parameters:
  ///   - flips: see `Evaluation.flips`.
  ///   - examples: collects single images; nil for none.
  /// - Throws: `outOfMemory`.
  init(
    classNames: [String], shape: ImageShape, flips: Bool, examples: EvaluationExamples? = nil
  ) throws {
    self.classNames = classNames
    self.shape = shape
    self.flips = flips
    self.examples = examples
    confusion = try AlignedBuffer(count: classNames.count * classNames.count)
  }

  /// Counts the images that follow those counted so far.
  ///
  /// - Parameters:
  ///   - probabilities: (count, classes)
  ///   - lossSum: of the losses of these images.
  ///   - correct: hits, if they are known already.
  mutating func add(
    _ probabilities: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int,
    lossSum: Double, correct: Int? = nil
  ) {
    var hits = 0
    for image in 0..<count {
      let row = probabilities + image * classes
      let label = Int(labels[image])
      // The first of equals, and class 0 where all are NaN.
      var predicted = 0
      for k in 1..<classes where row[k] > row[predicted] { predicted = k }
      confusion[label * classes + predicted] += 1
      if predicted == label { hits += 1 }
      // Equal ones rank in the order of the classes, as for the prediction.
      var better = 0
      for k in 0..<classes where row[k] > row[label] || row[k] == row[label] && k < label {
        better += 1
      }
      if better < 5, row[label].isFinite { topFive += 1 }
      examples?.add(
        image: self.count + image, actual: label, predicted: predicted,
        probability: row[predicted])
    }
    examples?.dropTheRest()
    self.count += count
    self.lossSum += lossSum
    self.correct += correct ?? hits
  }

  /// Counts images whose probabilities are the averages of two.
  ///
  /// - Parameters:
  ///   - probabilities: (count, classes), the averages.
  ///   - logarithms: (2, count), of the two probabilities that each image gives its label.
  mutating func add(
    averaged probabilities: UnsafePointer<Float>, logarithms: UnsafePointer<Double>,
    labels: UnsafePointer<Int32>, count: Int
  ) {
    var sum = 0.0
    for image in 0..<count {
      sum += EvaluationCounts.loss(ofAveraged: logarithms[image], logarithms[count + image])
    }
    add(probabilities, labels: labels, count: count, lossSum: sum)
  }

  /// −log((p + q) / 2) of log p and log q.
  static func loss(ofAveraged p: Double, _ q: Double) -> Double {
    let (larger, smaller) = p < q ? (q, p) : (p, q)
    if larger == -.infinity, smaller == -.infinity { return .infinity }
    let loss = log(2) - larger - log1p(exp(smaller - larger))
    // The NaN of x86 has its sign set, and C prints that as "-nan".
    return loss.isNaN ? .nan : loss
  }

  /// - Throws: `outOfMemory`.
  func evaluation() throws -> Evaluation {
    let images = Double(max(1, count))
    return Evaluation(
      loss: lossSum / images, accuracy: Double(correct) / images,
      topFiveAccuracy: Double(topFive) / images, count: count, flips: flips,
      classNames: classNames, confusion: try confusionRows())
  }

  /// What the registry keeps of it.
  ///
  /// - Parameter epoch: whose weights were evaluated.
  /// - Throws: `outOfMemory`.
  func classEvaluation(epoch: Int) throws -> ClassEvaluation {
    ClassEvaluation(
      epoch: epoch, classNames: classNames, shape: shape, confusion: try confusionRows(),
      misclassified: examples?.misclassified ?? [], samples: examples?.samples ?? [])
  }

  private func confusionRows() throws -> [[Int]] {
    try MemoryNeed.secured(
      classes * (classes + 8) * MemoryLayout<Int>.stride, for: "the confusion matrix"
    ) {
      (0..<classes).map { Array(confusion.span[($0 * classes)..<(($0 + 1) * classes)]) }
    }
  }
}
