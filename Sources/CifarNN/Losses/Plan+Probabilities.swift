import Kernels

extension Plan {
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
