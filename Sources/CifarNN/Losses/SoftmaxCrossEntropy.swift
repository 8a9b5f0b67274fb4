import CifarCore
import Kernels

/// Which cross-entropy.
public struct LossOptions: Equatable, Sendable {
  /// The share of a label's weight that all classes get evenly: t = (1 − s)·onehot + s / classes.
  public var labelSmoothing: Float
  public var weights: LossWeights
  public var reduction: Reduction

  /// What the gradients are of; results always have the mean.
  public enum Reduction: String, Codable, CaseIterable, Sendable {
    case mean
    case sum
  }

  public init(
    labelSmoothing: Float = 0, weights: LossWeights = LossWeights(), reduction: Reduction = .mean
  ) {
    self.labelSmoothing = labelSmoothing
    self.weights = weights
    self.reduction = reduction
  }

  /// What the loss of each image is multiplied by, so that the gradients of the mean of the products
  /// are those of the loss.
  ///
  /// - Parameters:
  ///   - ofImages: (count), what each image counts; nil where all count alike.
  ///   - scales: (count), overwritten unless all are 1.
  /// - Returns: whether any is not 1; and what the sum of the products is divided by, so that its
  ///   mean over the images is the mean loss, whatever the gradients are of.
  func fillScales(
    labels: UnsafePointer<Int32>, ofImages: UnsafePointer<Float>?, pass: Pass,
    to scales: UnsafeMutablePointer<Float>
  ) -> (hasScales: Bool, divisor: Double) {
    let (isWeighted, divisor) = weights.fill(
      labels: labels, ofImages: ofImages, pass: pass, to: scales)
    let count = Double(pass.images.total)
    switch reduction {
    case .mean:
      // The common case stays as it is.
      guard divisor != count else { return (isWeighted, 1) }
      let factor = Float(count / divisor)
      for image in 0..<pass.count { scales[image] *= factor }
      return (true, 1)
    case .sum:
      for image in 0..<pass.count {
        scales[image] = Float(count) * (isWeighted ? scales[image] : 1)
      }
      return (true, divisor)
    }
  }
}

/// The cross-entropy of the softmax of each row of logits with a label, and its gradient; the formula
/// stands at `KernelTable.crossEntropy`.
///
/// Computed from the logits, as `nn.CrossEntropyLoss` does and Keras on TensorFlow, which takes the
/// logits of a softmax layer: a difference of 50 between two logits is a loss of 50.
enum SoftmaxCrossEntropy {
  /// - Parameters:
  ///   - logits: (N, classes), of the images of the batch that are here.
  ///   - scales: (N), what each row's loss is multiplied by; nil for 1.
  ///   - gradient: (N, classes), of the mean loss of the batch; nil if not needed.
  static func evaluate(
    logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, batch: BatchPartition, classes: Int,
    scales: UnsafePointer<Float>? = nil, gradient: UnsafeMutablePointer<Float>?,
    options: LossOptions = LossOptions(),
    kernels: any KernelTable = Kernels.current
  ) -> BatchResult {
    sum(batch) { rows in
      let first = rows.lowerBound
      return kernels.crossEntropy(
        logits + first * classes, labels: labels + first, rows: rows.count, classes: classes,
        smoothing: options.labelSmoothing, scales: scales.map { $0 + first },
        divisor: batch.total, gradient: gradient.map { $0 + first * classes })
    }
  }

  /// The same of images that are mixed in pairs: each loss is that of its label and that of the
  /// other's, added up by what either counts.
  ///
  /// With labels as vectors of probabilities it is one cross-entropy, of the mixed vectors.
  ///
  /// - Parameters:
  ///   - otherScales: (N), what the losses of the second labels are multiplied by; nil for 1.
  static func evaluate(
    logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, mixed: MixedLabels,
    batch: BatchPartition, classes: Int, scales: UnsafePointer<Float>? = nil,
    otherScales: UnsafePointer<Float>? = nil, gradient: UnsafeMutablePointer<Float>?,
    options: LossOptions = LossOptions(), kernels: any KernelTable = Kernels.current
  ) -> BatchResult {
    sum(batch) { rows in
      let first = rows.lowerBound
      return kernels.mixedCrossEntropy(
        logits + first * classes, labels: labels + first, otherLabels: mixed.labels + first,
        share: mixed.share, rows: rows.count, classes: classes, smoothing: options.labelSmoothing,
        scales: scales.map { $0 + first }, otherScales: otherScales.map { $0 + first },
        divisor: batch.total, gradient: gradient.map { $0 + first * classes })
    }
  }

  private static func sum(
    _ batch: BatchPartition, _ evaluate: (Range<Int>) -> (lossSum: Double, correct: Int)
  ) -> BatchResult {
    let (lossSum, correct) = batch.sum(
      { evaluate(batch[$0]) }, { ($0.lossSum + $1.lossSum, $0.correct + $1.correct) })
    // The NaN of x86 has its sign set, and C prints that as "-nan".
    return BatchResult(
      lossSum: lossSum.isNaN ? .nan : lossSum, correct: correct, count: batch.count)
  }
}
