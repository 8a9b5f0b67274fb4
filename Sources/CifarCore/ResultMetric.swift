/// What a run measures besides its epochs when training is over, under the names that the registry keeps
/// beside those of the program's own metrics.
public enum ResultMetric: String, CaseIterable, Sendable {
  case finalValAccuracy = "final_val_accuracy"
  case ttaValAccuracy = "tta_val_accuracy"
  case testAccuracy = "test_accuracy"
  case testLoss = "test_loss"
  case ttaTestAccuracy = "tta_test_accuracy"

  /// How a value is written for people.
  public var format: EpochMetric.Format { self == .testLoss ? .loss : .percent }

  public var help: String {
    switch self {
    case .finalValAccuracy: "of the weights that training ended with, in float32"
    case .ttaValAccuracy: "likewise, with test-time augmentation"
    case .testAccuracy: "on the test images of a run with a validation split; 0.8 or 80%"
    case .testLoss: "likewise"
    case .ttaTestAccuracy: "likewise, with test-time augmentation"
    }
  }
}
