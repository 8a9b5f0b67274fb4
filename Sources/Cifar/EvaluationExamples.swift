import CifarData
import CifarRegistry

/// Single images of an evaluation, for people to look at: those that the model is most sure of and
/// wrong about, and a sample of all.
struct EvaluationExamples {
  private let dataset: Dataset
  private let sampled: Set<Int>
  private var wrong: [ClassEvaluation.Prediction] = []
  private var chosen: [ClassEvaluation.Prediction] = []

  private static let mostWrong = 24
  private static let sampleSize = 16

  /// - Parameter dataset: what is evaluated.
  init(of dataset: Dataset) {
    self.dataset = dataset
    let size = EvaluationExamples.sampleSize
    sampled = Set((0..<size).map { $0 * dataset.count / size })
  }

  /// - Parameters:
  ///   - image: its place in the data set.
  ///   - probability: of the predicted class.
  mutating func add(image: Int, actual: Int, predicted: Int, probability: Float) {
    let isSampled = sampled.contains(image)
    guard predicted != actual || isSampled else { return }
    let prediction = ClassEvaluation.Prediction(
      image: image, actual: actual, predicted: predicted,
      probability: probability.isFinite ? Double(probability) : 0, pixels: [])
    if predicted != actual { wrong.append(prediction) }
    if isSampled { chosen.append(prediction) }
  }

  /// To be called after each batch: the worst of all are among the worst so far.
  mutating func dropTheRest() {
    wrong.sort { ($1.probability, $0.image) < ($0.probability, $1.image) }
    wrong.removeLast(max(0, wrong.count - EvaluationExamples.mostWrong))
  }

  /// The most confident mistakes, the worst first.
  var misclassified: [ClassEvaluation.Prediction] { wrong.map(withPixels) }

  /// Images from all over the data set, in its order.
  var samples: [ClassEvaluation.Prediction] { chosen.map(withPixels) }

  private func withPixels(_ prediction: ClassEvaluation.Prediction) -> ClassEvaluation.Prediction {
    var prediction = prediction
    let size = dataset.shape.count
    let start = dataset.images.pointer + prediction.image * size
    prediction.pixels = Array(UnsafeBufferPointer(start: start, count: size))
    return prediction
  }
}
