import CifarCore

/// How the best weights do, class by class.
public struct ClassEvaluation: Sendable, Equatable {
  public var epoch: Int
  public var classNames: [String]
  /// Of the images.
  public var shape: ImageShape
  /// Images by actual class and predicted class.
  public var confusion: [[Int]]
  /// The most confident mistake first.
  public var misclassified: [Prediction]
  /// Images drawn evenly from the whole set, right or wrong.
  public var samples: [Prediction]

  public struct Prediction: Sendable, Equatable {
    /// Its number in the validation set.
    public var image: Int
    public var actual: Int
    public var predicted: Int
    /// Of the predicted class.
    public var probability: Double
    /// (channels, height, width)
    public var pixels: [UInt8]

    public init(
      image: Int, actual: Int, predicted: Int, probability: Double, pixels: [UInt8]
    ) {
      self.image = image
      self.actual = actual
      self.predicted = predicted
      self.probability = probability
      self.pixels = pixels
    }
  }

  public init(
    epoch: Int, classNames: [String], shape: ImageShape = .cifar, confusion: [[Int]],
    misclassified: [Prediction], samples: [Prediction] = []
  ) {
    self.epoch = epoch
    self.classNames = classNames
    self.shape = shape
    self.confusion = confusion
    self.misclassified = misclassified
    self.samples = samples
  }
}
