extension Augmentation: Codable {
  private enum Key: String, CodingKey {
    case type, probability, degrees, share, padding, reflect, brightness, contrast, saturation
    case hue, size, scale, ratio
    case rotationRange = "rotation_range"
    case widthShiftRange = "width_shift_range"
    case heightShiftRange = "height_shift_range"
    case horizontalFlip = "horizontal_flip"
    case zoomRange = "zoom_range"
    case brightnessRange = "brightness_range"
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    func number(_ key: Key, else other: Double) throws -> Double {
      try values.decodeIfPresent(Double.self, forKey: key) ?? other
    }
    let type = try values.decode(String.self, forKey: .type)
    switch type {
    case "random_horizontal_flip":
      self = .randomHorizontalFlip(probability: try number(.probability, else: 0.5))
    case "random_rotation":
      self = .randomRotation(degrees: try values.decode(Double.self, forKey: .degrees))
    case "random_translation":
      self = .randomTranslation(share: try values.decode(Double.self, forKey: .share))
    case "random_crop":
      self = .randomCrop(
        padding: try values.decode(Int.self, forKey: .padding),
        reflect: try values.decodeIfPresent(Bool.self, forKey: .reflect) ?? false)
    case "color_jitter":
      self = .colorJitter(
        brightness: try number(.brightness, else: 0), contrast: try number(.contrast, else: 0),
        saturation: try number(.saturation, else: 0), hue: try number(.hue, else: 0))
    case "image_data_generator":
      self = .imageDataGenerator(
        rotationRange: try number(.rotationRange, else: 0),
        widthShiftRange: try number(.widthShiftRange, else: 0),
        heightShiftRange: try number(.heightShiftRange, else: 0),
        horizontalFlip: try values.decodeIfPresent(Bool.self, forKey: .horizontalFlip) ?? false,
        zoomRange: try Augmentation.zoomRange(values),
        brightnessRange: try values.decodeIfPresent([Double].self, forKey: .brightnessRange))
    case "cutout": self = .cutout(size: try values.decode(Int.self, forKey: .size))
    case "random_erasing":
      self = .randomErasing(
        probability: try number(.probability, else: 0.5),
        scale: try values.decodeIfPresent([Double].self, forKey: .scale) ?? [0.02, 0.33],
        ratio: try values.decodeIfPresent([Double].self, forKey: .ratio) ?? [0.3, 3.3])
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: values,
        debugDescription: "unknown augmentation '\(type)'; use "
          + Augmentation.types.joined(separator: ", "))
    }
  }

  /// One number z stands for 1 - z … 1 + z, as in Keras.
  private static func zoomRange(_ values: KeyedDecodingContainer<Key>) throws -> [Double] {
    if let zoom = try? values.decodeIfPresent(Double.self, forKey: .zoomRange) {
      return [1 - zoom, 1 + zoom]
    }
    return try values.decodeIfPresent([Double].self, forKey: .zoomRange) ?? [1, 1]
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(type, forKey: .type)
    switch self {
    case .randomHorizontalFlip(let probability):
      try values.encode(probability, forKey: .probability)
    case .randomRotation(let degrees): try values.encode(degrees, forKey: .degrees)
    case .randomTranslation(let share): try values.encode(share, forKey: .share)
    case .randomCrop(let padding, let reflect):
      try values.encode(padding, forKey: .padding)
      try values.encode(reflect, forKey: .reflect)
    case .colorJitter(let brightness, let contrast, let saturation, let hue):
      try values.encode(brightness, forKey: .brightness)
      try values.encode(contrast, forKey: .contrast)
      try values.encode(saturation, forKey: .saturation)
      try values.encode(hue, forKey: .hue)
    case .imageDataGenerator(let rotation, let width, let height, let flip, let zoom, let light):
      try values.encode(rotation, forKey: .rotationRange)
      try values.encode(width, forKey: .widthShiftRange)
      try values.encode(height, forKey: .heightShiftRange)
      try values.encode(flip, forKey: .horizontalFlip)
      try values.encode(zoom, forKey: .zoomRange)
      try values.encodeIfPresent(light, forKey: .brightnessRange)
    case .cutout(let size): try values.encode(size, forKey: .size)
    case .randomErasing(let probability, let scale, let ratio):
      try values.encode(probability, forKey: .probability)
      try values.encode(scale, forKey: .scale)
      try values.encode(ratio, forKey: .ratio)
    }
  }
}
