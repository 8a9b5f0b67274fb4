import CifarCore

/// Turns, shifts, zooms, flips and lights the image as Keras does.
package struct ImageDataGenerator: ImageAugmentation {
  package var rotationRange = 0.0
  package var widthShiftRange = 0.0
  package var heightShiftRange = 0.0
  package var horizontalFlip = false
  package var zoomRange = [1.0, 1.0]
  package var brightnessRange: [Double]?

  package static let type = "image_data_generator"
  package static let meaning =
    "Keras's ImageDataGenerator: rotation, shifts and zoom in one bilinear transform that repeats "
    + "the nearest edge outside, then the flip, then the brightness"
  package static let options: [OptionDescription<Self>] = [
    .number("rotation_range", \.rotationRange, .from(0, to: 180), "the largest angle, ± degrees"),
    .number("width_shift_range", \.widthShiftRange, .from(0, to: 1), "± a share of the width"),
    .number("height_shift_range", \.heightShiftRange, .from(0, to: 1), "± a share of the height"),
    .flag("horizontal_flip", \.horizontalFlip, "every second image, at random"),
    zoom,
    .pair("brightness_range", \.brightnessRange, .from(0, to: 100), "a factor in this range"),
  ]

  /// One number z stands for 1 - z … 1 + z, as in Keras.
  private static let zoom: OptionDescription<Self> = {
    let meaning = "a factor in this range, above 1 is out; z for [1 - z, 1 + z]"
    let pair = OptionDescription<Self>.pair(
      "zoom_range", \.zoomRange, .from(0.01, to: 100), meaning)
    return pair.reading { options, values in
      let key = AnyKey(stringValue: "zoom_range")
      guard let zoom = try? values.decodeIfPresent(Double.self, forKey: key) else { return false }
      options.zoomRange = [1 - zoom, 1 + zoom]
      return true
    }
  }()

  package init() {}
  package init(
    rotationRange: Double = 0, widthShiftRange: Double = 0, heightShiftRange: Double = 0,
    horizontalFlip: Bool = false, zoomRange: [Double] = [1, 1], brightnessRange: [Double]? = nil
  ) {
    self.rotationRange = rotationRange
    self.widthShiftRange = widthShiftRange
    self.heightShiftRange = heightShiftRange
    self.horizontalFlip = horizontalFlip
    self.zoomRange = zoomRange
    self.brightnessRange = brightnessRange
  }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    var transform = GeneratorTransform(
      theta: Double(random.uniform(Float(-rotationRange), Float(rotationRange))),
      tx: Double(
        random.uniform(Float(-heightShiftRange), Float(heightShiftRange))
          * Float(image.shape.height)),
      ty: Double(
        random.uniform(Float(-widthShiftRange), Float(widthShiftRange)) * Float(image.shape.width)),
      flip: horizontalFlip && random.uniform() < 0.5)
    if zoomRange != [1, 1] {
      transform.zx = Double(random.uniform(Float(zoomRange[0]), Float(zoomRange[1])))
      transform.zy = Double(random.uniform(Float(zoomRange[0]), Float(zoomRange[1])))
    }
    // Keras keeps the fractions; what follows here, if anything does, works on bytes.
    let shape = image.shape
    image.makeFractional { transform.apply(shape, $0, to: $1) }
    guard let brightnessRange else { return }
    // `array_to_img` cuts the fractions off.
    image.roundToBytes(.towardZero)
    let factor = random.uniform(Float(brightnessRange[0]), Float(brightnessRange[1]))
    image.change { ColorTransforms(shape).brightness($0, factor: factor, to: $1) }
  }
}
