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
  /// Whether each image was evaluated together with its mirror image.
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

  /// Where the accuracy on all such images lies, with 95 % confidence: Wilson's interval of a binomial
  /// share. It knows nothing of how the model was chosen.
  public var accuracyInterval: ClosedRange<Double> {
    let (n, z) = (Double(max(1, count)), 1.959964)
    let middle = (accuracy + z * z / (2 * n)) / (1 + z * z / n)
    let half =
      z / (1 + z * z / n)
      * (accuracy * (1 - accuracy) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, middle - half)...min(1, middle + half)
  }

  /// The mean of the classes' F1, each class counting the same.
  public var macroF1: Double {
    classes.reduce(0) { $0 + $1.f1 } / Double(max(1, classNames.count))
  }
}
