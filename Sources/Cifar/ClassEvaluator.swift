import CifarCore
import CifarData
import CifarRegistry

/// Looks at how a model does class by class, and what it gets most wrong.
enum ClassEvaluator {
  /// Images that are kept to be looked at.
  private static let kept = 24
  private static let samplesKept = 16
  private static let batchSize = 256

  /// - Parameter goesOn: is asked between two batches.
  /// - Returns: nil if it was stopped.
  static func evaluate(
    _ model: Model, on dataset: Dataset, goesOn: () -> Bool
  ) throws -> ClassEvaluation? {
    let classes = dataset.classNames.count
    var confusion = try MemoryNeed.secured(
      2 * classes * (classes + 8) * MemoryLayout<Int>.stride, for: "the confusion matrix"
    ) {
      // Each row on its own: rows that share their memory would be copied at the first count.
      (0..<classes).map { _ in [Int](repeating: 0, count: classes) }
    }
    var wrong: [ClassEvaluation.Prediction] = []
    var samples: [ClassEvaluation.Prediction] = []
    let sampled = Set((0..<samplesKept).map { $0 * dataset.count / samplesKept })
    let probabilities = try AlignedBuffer<Float>(count: batchSize * classes)
    for first in stride(from: 0, to: dataset.count, by: batchSize) {
      guard goesOn() else { return nil }
      let count = min(batchSize, dataset.count - first)
      try model.predict(
        images: dataset.images.pointer + first * Dataset.imageBytes, count: count,
        probabilities: probabilities.pointer)
      for offset in 0..<count {
        let row = probabilities.pointer + offset * classes
        // Like the accuracy of a validation: the first of equals, and class 0 where all are NaN.
        let predicted = (1..<classes).reduce(0) { row[$1] > row[$0] ? $1 : $0 }
        let actual = Int(dataset.labels.pointer[first + offset])
        confusion[actual][predicted] += 1
        let prediction = ClassEvaluation.Prediction(
          image: first + offset, actual: actual, predicted: predicted,
          probability: row[predicted].isFinite ? Double(row[predicted]) : 0, pixels: [])
        if predicted != actual { wrong.append(prediction) }
        if sampled.contains(first + offset) { samples.append(prediction) }
      }
      // The worst of all are among the worst so far.
      wrong.sort { ($1.probability, $0.image) < ($0.probability, $1.image) }
      wrong.removeLast(max(0, wrong.count - kept))
    }
    func withPixels(_ prediction: ClassEvaluation.Prediction) -> ClassEvaluation.Prediction {
      var prediction = prediction
      let start = dataset.images.pointer + prediction.image * Dataset.imageBytes
      prediction.pixels = Array(UnsafeBufferPointer(start: start, count: Dataset.imageBytes))
      return prediction
    }
    return ClassEvaluation(
      epoch: model.epoch, classNames: model.classNames, confusion: confusion,
      predictions: wrong.map(withPixels), samples: samples.map(withPixels))
  }
}
