/// How much images count in training, each by its class, by itself, or by the product of both.
///
/// The loss of a batch is Σ w·loss / D with the weight w of each image. D is the number of images in
/// Keras, the sum of their weights in PyTorch: there a batch of one weight has the loss that it has
/// without. A batch whose weights are all 0 has none.
public struct LossWeights: Equatable, Sendable {
  /// (classes), each 0 or above; nil for classes that count alike.
  public var ofClasses: [Float]?
  /// Whether D is the sum of the weights.
  public var dividesBySum: Bool

  public init(ofClasses: [Float]? = nil, dividesBySum: Bool = false) {
    self.ofClasses = ofClasses
    self.dividesBySum = dividesBySum
  }

  /// The weight of each image of a batch.
  ///
  /// - Parameters:
  ///   - labels: (count), each in 0 ..< classes; of the images that are here.
  ///   - ofImages: (count), each 0 or above; nil for images that count alike.
  ///   - scales: (count), overwritten where anything has a weight.
  /// - Returns: whether anything has, and D, of the whole batch.
  func fill(
    labels: UnsafePointer<Int32>, ofImages: UnsafePointer<Float>?, pass: Pass,
    to scales: UnsafeMutablePointer<Float>
  ) -> (isWeighted: Bool, divisor: Double) {
    let batch = pass.images
    let count = Double(batch.total)
    guard ofClasses != nil || ofImages != nil else { return (false, count) }
    var sum = batch.sum(
      { group in
        var sum = 0.0
        for image in batch[group] {
          scales[image] = (ofClasses?[Int(labels[image])] ?? 1) * (ofImages?[image] ?? 1)
          sum += Double(scales[image])
        }
        return sum
      }, +)
    if dividesBySum, let peers = pass.peers { sum = peers.sum(sum, +) }
    return (true, dividesBySum && sum > 0 ? sum : count)
  }
}
