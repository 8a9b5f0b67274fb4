import Kernels

extension Plan {
  /// Adds the logits of a batch, times a weight, to a sum.
  ///
  /// - Parameters:
  ///   - images: as in `evaluate`.
  ///   - sum: (count, classes)
  public func addLogits(
    images: UnsafePointer<Float>, count: Int, weight: Float, to sum: UnsafeMutablePointer<Float>
  ) {
    infer(images, count: count)
    for i in 0..<(count * network.spec.classes) { sum[i] += weight * lastLogits[i] }
  }

  /// Loss and hits of logits that were computed elsewhere.
  ///
  /// - Parameters:
  ///   - logits: (count, classes)
  ///   - probabilities: (count, classes), overwritten.
  public func evaluate(
    logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int,
    probabilities: UnsafeMutablePointer<Float>
  ) -> BatchResult {
    let classes = network.spec.classes
    kernels.softmax(logits, rows: count, classes: classes, probabilities: probabilities)
    return SoftmaxCrossEntropy.evaluate(
      logits: logits, labels: labels, batch: BatchPartition(count), classes: classes, gradient: nil,
      options: loss, kernels: kernels)
  }

  /// The probabilities of the batch that `evaluate` was last called with.
  ///
  /// - Parameter probabilities: (count, classes), overwritten.
  public func lastProbabilities(count: Int, to probabilities: UnsafeMutablePointer<Float>) {
    kernels.softmax(
      lastLogits, rows: count, classes: network.spec.classes, probabilities: probabilities)
  }

  /// The logarithm of the probability that each image of the last batch gives its label, finite where
  /// the probability itself is too small for a number.
  ///
  /// - Parameters:
  ///   - labels: (count), each in 0 ..< classes.
  ///   - logarithms: (count), natural, overwritten.
  public func lastLogProbabilities(
    of labels: UnsafePointer<Int32>, count: Int, to logarithms: UnsafeMutablePointer<Double>
  ) {
    kernels.logProbabilities(
      lastLogits, labels: labels, rows: count, classes: network.spec.classes,
      logarithms: logarithms)
  }
}
