import CifarCore

/// What numbers in a registry can be at most. The schema checks the same (see `Schema3`).
enum Limits {
  /// As the hyperparameters.
  static let epochs = 1_000_000
  static let batches = Int(UInt32.max)
  /// Where doubles still count by one.
  static let steps = 1 << 53
  /// Bytes of a checkpoint.
  static let bytes = 1 << 40
  static let threads = 1024
  static let classes = 1000
  /// Bytes of an image.
  static let pixels =
    ImageShape.sides.lowerBound * ImageShape.sides.lowerBound...3 * ImageShape.sides.upperBound
    * ImageShape.sides.upperBound
}
