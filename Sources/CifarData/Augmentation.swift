import CifarCore

/// One random change of a training image. A recipe lists them in the order in which they happen.
///
/// In JSON: `{"type": "random_rotation", "degrees": 15}`, and so on, with the names below in snake
/// case; what is left out is as in torchvision and Keras.
public enum Augmentation: Equatable, Sendable {
  /// torchvision's `RandomHorizontalFlip`.
  case randomHorizontalFlip(probability: Double)
  /// torchvision's `RandomRotation`: an angle in ±degrees, nearest pixel, black outside.
  case randomRotation(degrees: Double)
  /// torchvision's `RandomAffine(0, translate:)`: a shift by whole pixels, at most that share of
  /// the side, black outside.
  case randomTranslation(share: Double)
  /// torchvision's `RandomCrop(32, padding:)`: a shift by at most this many whole pixels, with black
  /// or, with `reflect`, the mirrored image outside.
  case randomCrop(padding: Int, reflect: Bool)
  /// torchvision's `ColorJitter`: in any order, brightness, contrast and saturation by factors in
  /// 1 ± the number, hue by ± the share of the circle, at most 0.5.
  case colorJitter(brightness: Double, contrast: Double, saturation: Double, hue: Double)
  /// Keras's `ImageDataGenerator`: rotation in ±degrees, shifts in ± shares of the side and zoom by
  /// factors in a range, above 1 is out, in one bilinear transform that repeats the nearest edge
  /// outside; then a horizontal flip for every second image, then brightness by a factor in a range.
  case imageDataGenerator(
    rotationRange: Double, widthShiftRange: Double, heightShiftRange: Double,
    horizontalFlip: Bool, zoomRange: [Double] = [1, 1], brightnessRange: [Double]? = nil)
  /// Cutout (DeVries & Taylor 2017): a square of this many pixels, as far as it is inside, becomes 0
  /// after normalisation.
  case cutout(size: Int)
  /// torchvision's `RandomErasing` with value 0: a rectangle of a share of the area in `scale` and
  /// with a ratio of height to width in `ratio`.
  case randomErasing(probability: Double, scale: [Double], ratio: [Double])

  public static let types = [
    "random_horizontal_flip", "random_rotation", "random_translation", "random_crop",
    "color_jitter", "image_data_generator", "cutout", "random_erasing",
  ]

  public var type: String {
    switch self {
    case .randomHorizontalFlip: "random_horizontal_flip"
    case .randomRotation: "random_rotation"
    case .randomTranslation: "random_translation"
    case .randomCrop: "random_crop"
    case .colorJitter: "color_jitter"
    case .imageDataGenerator: "image_data_generator"
    case .cutout: "cutout"
    case .randomErasing: "random_erasing"
    }
  }

  /// Whether it works on normalised numbers, and so after all that work on images.
  var erases: Bool {
    switch self {
    case .cutout, .randomErasing: true
    default: false
    }
  }

  /// - Throws: `invalidArgument`, naming the option and its range.
  public func validate() throws {
    switch self {
    case .randomHorizontalFlip(let probability): try check(probability, "probability", 0...1)
    case .randomRotation(let degrees): try check(degrees, "degrees", 0...180)
    case .randomTranslation(let share): try check(share, "share", 0...1)
    case .randomCrop(let padding, let reflect):
      // A mirror shows no more than there is.
      try check(Double(padding), "padding", 0...(reflect ? 31 : 32))
    case .colorJitter(let brightness, let contrast, let saturation, let hue):
      try check(brightness, "brightness", 0...100)
      try check(contrast, "contrast", 0...100)
      try check(saturation, "saturation", 0...100)
      try check(hue, "hue", 0...0.5)
    case .imageDataGenerator(let rotation, let width, let height, _, let zoom, let brightness):
      try check(rotation, "rotation_range", 0...180)
      try check(width, "width_shift_range", 0...1)
      try check(height, "height_shift_range", 0...1)
      try check(zoom, "zoom_range", 0.01...100)
      if let brightness { try check(brightness, "brightness_range", 0...100) }
    case .cutout(let size): try check(Double(size), "size", 1...64)
    case .randomErasing(let probability, let scale, let ratio):
      try check(probability, "probability", 0...1)
      try check(scale, "scale", 0...1)
      try check(ratio, "ratio", 0.01...100)
    }
  }

  /// - Throws: `invalidArgument` also for an invalid order.
  public static func validate(_ list: [Augmentation]) throws {
    for augmentation in list { try augmentation.validate() }
    if let first = list.firstIndex(where: \.erases),
      let later = list[first...].first(where: { !$0.erases })
    {
      throw CifarError(
        .invalidArgument,
        "\(list[first].type) works on normalised numbers: it comes after \(later.type)")
    }
  }

  private func check(_ value: Double, _ name: String, _ range: ClosedRange<Double>) throws {
    guard range.contains(value) else {
      throw CifarError(
        .invalidArgument,
        "\(type): \(name) \(value) is not in \(short(range.lowerBound)) to "
          + short(range.upperBound))
    }
  }

  private func check(_ pair: [Double], _ name: String, _ range: ClosedRange<Double>) throws {
    guard pair.count == 2, pair.allSatisfy(range.contains), pair[0] <= pair[1] else {
      throw CifarError(
        .invalidArgument,
        "\(type): \(name) \(pair) is not two rising numbers in \(short(range.lowerBound)) to "
          + short(range.upperBound))
    }
  }

  private func short(_ value: Double) -> String {
    value == value.rounded() ? "\(Int(value))" : "\(value)"
  }
}
