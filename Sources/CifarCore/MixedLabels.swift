/// The second labels of a batch whose images are mixed with each other: see `mixup`.
public struct MixedLabels {
  /// (count)
  public let labels: UnsafePointer<Int32>
  /// (count), what each image of these labels counts; nil where all count alike.
  public let weights: UnsafePointer<Float>?
  /// What an image's first label counts, from 0 to 1; its second counts the rest.
  public let share: Float

  public init(
    labels: UnsafePointer<Int32>, weights: UnsafePointer<Float>? = nil, share: Float
  ) {
    self.labels = labels
    self.weights = weights
    self.share = share
  }
}
