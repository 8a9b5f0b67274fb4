extension Plan {
  /// The probabilities of the batch that `evaluate` was last called with.
  ///
  /// - Parameter probabilities: (count, classes), overwritten.
  public func lastProbabilities(count: Int, to probabilities: UnsafeMutablePointer<Float>) {
    SoftmaxCrossEntropy.softmax(
      logits: lastLogits, count: count, classes: network.spec.classes,
      probabilities: probabilities)
  }
}
