import CifarCore
import CifarNN
import Glibc

/// How good a model is on a data set.
public struct Evaluation: Equatable, Sendable {
  /// Mean of the loss that it was trained with; with flips, the mean cross-entropy of the averaged
  /// probabilities, −log((p + q) / 2). Both are computed from logits and know no bounds: Keras, which
  /// sees no logits behind an average of two softmax layers, would clip the second at −log(1e-7).
  public var loss: Double
  /// A fraction, 0 … 1.
  public var accuracy: Double
  /// Images whose label is among the five most probable classes; a fraction.
  public var topFiveAccuracy: Double
  /// Images it was measured on.
  public var count: Int
  /// Whether each image was looked at together with its mirror image.
  public var flips: Bool
  public var classNames: [String]
  /// Images by label and, in each row, by the class that they were taken for.
  public var confusion: [[Int]]

  /// How good it is at one class.
  public struct ClassScores: Equatable, Sendable {
    public var name: String
    /// Of the images taken for the class, the share that belongs to it; 0 where there are none.
    public var precision: Double
    /// Of the class's images, the share that was found; 0 where there are none.
    public var recall: Double
    /// Their harmonic mean; 0 where both are.
    public var f1: Double
    /// Images of the class.
    public var support: Int
  }

  public var classes: [ClassScores] {
    classNames.indices.map { index in
      let hits = Double(confusion[index][index])
      let taken = confusion.reduce(0) { $0 + $1[index] }
      let support = confusion[index].reduce(0, +)
      func share(_ count: Int) -> Double { count == 0 ? 0 : hits / Double(count) }
      return ClassScores(
        name: classNames[index], precision: share(taken), recall: share(support),
        f1: taken + support == 0 ? 0 : 2 * hits / Double(taken + support), support: support)
    }
  }

  /// The mean of the classes' F1, each class counting the same.
  public var macroF1: Double {
    classes.reduce(0) { $0 + $1.f1 } / Double(max(1, classNames.count))
  }
}

/// Counts an evaluation together, batch by batch.
struct EvaluationSums {
  private var lossSum = 0.0
  private var correct = 0
  private var topFive = 0
  private var count = 0
  private let classes: Int
  private let confusion: AlignedBuffer<Int>

  /// - Throws: `outOfMemory`.
  init(classes: Int) throws {
    self.classes = classes
    confusion = try AlignedBuffer(count: classes * classes)
  }

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
      var predicted = 0
      for k in 1..<classes where row[k] > row[predicted] { predicted = k }
      confusion[label * classes + predicted] += 1
      if predicted == label { hits += 1 }
      // Of equals the first comes first, as for the prediction.
      var better = 0
      for k in 0..<classes where row[k] > row[label] || row[k] == row[label] && k < label {
        better += 1
      }
      if better < 5, row[label].isFinite { topFive += 1 }
    }
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
      sum += EvaluationSums.loss(ofAveraged: logarithms[image], logarithms[count + image])
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
  func evaluation(classNames: [String], flips: Bool) throws -> Evaluation {
    let images = Double(max(1, count))
    let rows = try MemoryNeed.secured(
      classes * (classes + 8) * MemoryLayout<Int>.stride, for: "the confusion matrix"
    ) {
      (0..<classes).map { Array(confusion.span[($0 * classes)..<(($0 + 1) * classes)]) }
    }
    return Evaluation(
      loss: lossSum / images, accuracy: Double(correct) / images,
      topFiveAccuracy: Double(topFive) / images, count: count, flips: flips,
      classNames: classNames,
      confusion: rows)
  }
}
