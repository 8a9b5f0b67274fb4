import CifarCore

/// One random change of a training image. A recipe lists them in the order in which they happen.
///
/// In JSON: `{"type": "random_rotation", "degrees": 15}`, and so on, with the names below in snake
/// case.
public enum Augmentation: Equatable, Sendable {
  /// torchvision's `RandomHorizontalFlip`.
  case randomHorizontalFlip(probability: Double)
  /// torchvision's `RandomRotation`: an angle in ±degrees, nearest pixel, black outside.
  case randomRotation(degrees: Double)
  /// torchvision's `RandomAffine(0, translate:)`: a shift by whole pixels, at most that share of
  /// the side, black outside.
  case randomTranslation(share: Double)
  /// Keras's `ImageDataGenerator`: rotation in ±degrees and shifts in ± shares of the side in one
  /// bilinear transform that repeats the nearest edge outside, then a horizontal flip for every
  /// second image.
  case imageDataGenerator(
    rotationRange: Double, widthShiftRange: Double, heightShiftRange: Double,
    horizontalFlip: Bool)

  public var type: String {
    switch self {
    case .randomHorizontalFlip: "random_horizontal_flip"
    case .randomRotation: "random_rotation"
    case .randomTranslation: "random_translation"
    case .imageDataGenerator: "image_data_generator"
    }
  }

  /// - Throws: `invalidArgument`, naming the option and its range.
  public func validate() throws {
    switch self {
    case .randomHorizontalFlip(let probability): try check(probability, "probability", 1)
    case .randomRotation(let degrees): try check(degrees, "degrees", 180)
    case .randomTranslation(let share): try check(share, "share", 1)
    case .imageDataGenerator(let rotation, let width, let height, _):
      try check(rotation, "rotation_range", 180)
      try check(width, "width_shift_range", 1)
      try check(height, "height_shift_range", 1)
    }
  }

  private func check(_ value: Double, _ name: String, _ largest: Double) throws {
    guard value >= 0, value <= largest else {
      throw CifarError(
        .invalidArgument, "\(type): \(name) \(value) is not in 0 to \(largest)")
    }
  }
}

extension Augmentation: Codable {
  private enum Key: String, CodingKey {
    case type, probability, degrees, share
    case rotationRange = "rotation_range"
    case widthShiftRange = "width_shift_range"
    case heightShiftRange = "height_shift_range"
    case horizontalFlip = "horizontal_flip"
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let type = try values.decode(String.self, forKey: .type)
    switch type {
    case "random_horizontal_flip":
      self = .randomHorizontalFlip(
        probability: try values.decode(Double.self, forKey: .probability))
    case "random_rotation":
      self = .randomRotation(degrees: try values.decode(Double.self, forKey: .degrees))
    case "random_translation":
      self = .randomTranslation(share: try values.decode(Double.self, forKey: .share))
    case "image_data_generator":
      self = .imageDataGenerator(
        rotationRange: try values.decode(Double.self, forKey: .rotationRange),
        widthShiftRange: try values.decode(Double.self, forKey: .widthShiftRange),
        heightShiftRange: try values.decode(Double.self, forKey: .heightShiftRange),
        horizontalFlip: try values.decode(Bool.self, forKey: .horizontalFlip))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: values, debugDescription: "unknown augmentation '\(type)'")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(type, forKey: .type)
    switch self {
    case .randomHorizontalFlip(let probability):
      try values.encode(probability, forKey: .probability)
    case .randomRotation(let degrees): try values.encode(degrees, forKey: .degrees)
    case .randomTranslation(let share): try values.encode(share, forKey: .share)
    case .imageDataGenerator(let rotation, let width, let height, let flip):
      try values.encode(rotation, forKey: .rotationRange)
      try values.encode(width, forKey: .widthShiftRange)
      try values.encode(height, forKey: .heightShiftRange)
      try values.encode(flip, forKey: .horizontalFlip)
    }
  }
}
