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
  /// Red, green and blue planes of 32 × 32.
  static let pixels = 3072
}
