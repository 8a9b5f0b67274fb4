/// How much the images of each class count in training.
///
/// The loss of a batch is Σ w·loss / D with the weight w of each image's class. D is the number of images
/// in Keras, the sum of their weights in PyTorch: there a batch of one class has the loss that it has
/// without weights. A batch whose weights are all 0 has none.
public struct ClassWeights: Equatable, Sendable {
  /// (classes), each 0 or above.
  public var weights: [Float]
  /// Whether D is the sum of the weights.
  public var dividesBySum: Bool

  public init(_ weights: [Float], dividesBySum: Bool) {
    self.weights = weights
    self.dividesBySum = dividesBySum
  }

  /// What the losses of a batch are multiplied by, so that the mean of the products is the loss.
  ///
  /// - Parameters:
  ///   - labels: (count), each in 0 ..< classes.
  ///   - scales: (count), overwritten.
  func scale(labels: UnsafePointer<Int32>, count: Int, to scales: UnsafeMutablePointer<Float>) {
    var sum = 0.0
    for image in 0..<count {
      scales[image] = weights[Int(labels[image])]
      sum += Double(scales[image])
    }
    guard dividesBySum, sum > 0 else { return }
    let factor = Float(Double(count) / sum)
    for image in 0..<count { scales[image] *= factor }
  }
}
