import CifarCore

/// Changes of the colours of one image of bytes, (channels, height, width), by given factors: what
/// Pillow's `ImageEnhance` does, and with it torchvision's `ColorJitter` on PIL images, to the byte.
struct ColorTransforms {
  let shape: ImageShape
  typealias Pixels = UnsafePointer<UInt8>
  typealias Target = UnsafeMutablePointer<UInt8>

  init(_ shape: ImageShape) { self.shape = shape }

  private var plane: Int { shape.pixels }

  /// Blends with black: factor 0 is black, 1 the image.
  func brightness(_ image: Pixels, factor: Float, to target: Target) {
    for i in 0..<shape.count { target[i] = blend(0, image[i], factor) }
  }

  /// Blends with the image's mean grey.
  func contrast(_ image: Pixels, factor: Float, to target: Target) {
    var sum = 0
    for i in 0..<plane { sum += Int(grey(image, i)) }
    let mean = UInt8(Double(sum) / Double(plane) + 0.5)
    for i in 0..<shape.count { target[i] = blend(mean, image[i], factor) }
  }

  /// Blends with the image in greys; an image in greys stays as it is.
  func saturation(_ image: Pixels, factor: Float, to target: Target) {
    if shape.channels == 1 { return target.update(from: image, count: shape.count) }
    for i in 0..<plane {
      let grey = grey(image, i)
      for channel in 0..<3 {
        target[channel * plane + i] = blend(grey, image[channel * plane + i], factor)
      }
    }
  }

  /// Turns the hue by a share of the whole circle, in -0.5 … 0.5; an image in greys has none.
  func hue(_ image: Pixels, shift: Double, to target: Target) {
    if shape.channels == 1 { return target.update(from: image, count: shape.count) }
    // `np.int32(shift * 255).astype(np.uint8)`: cut off, then around the circle of 256.
    let turn = UInt8(truncatingIfNeeded: Int(shift * 255))
    for i in 0..<plane {
      var (h, s, v) = hsv(image[i], image[plane + i], image[2 * plane + i])
      h &+= turn
      (target[i], target[plane + i], target[2 * plane + i]) = rgb(h, s, v)
    }
  }

  /// `ImagingBlend`: 32-bit numbers, cut off to bytes.
  private func blend(_ from: UInt8, _ to: UInt8, _ factor: Float) -> UInt8 {
    let value = Float(from) + factor * Float(Int(to) - Int(from))
    return value <= 0 ? 0 : value >= 255 ? 255 : UInt8(value)
  }

  /// ITU-R 601-2 luma, as Pillow's mode L has it.
  private func grey(_ image: Pixels, _ i: Int) -> UInt8 {
    if shape.channels == 1 { return image[i] }
    let sum =
      Int(image[i]) * 19_595 + Int(image[plane + i]) * 38_470 + Int(image[2 * plane + i]) * 7_471
    return UInt8((sum + 0x8000) >> 16)
  }

  /// `rgb2hsv` of Pillow's `Convert.c`.
  private func hsv(_ r: UInt8, _ g: UInt8, _ b: UInt8) -> (UInt8, UInt8, UInt8) {
    let most = max(r, max(g, b))
    let least = min(r, min(g, b))
    guard most != least else { return (0, 0, most) }
    let range = Float(most - least)
    let s = range / Float(most)
    let rc = Float(most - r) / range
    let gc = Float(most - g) / range
    let bc = Float(most - b) / range
    // The constants are 64-bit numbers in C, the results 32-bit ones again.
    var h: Float
    if r == most {
      h = bc - gc
    } else if g == most {
      h = Float(2.0 + Double(rc) - Double(bc))
    } else {
      h = Float(4.0 + Double(gc) - Double(rc))
    }
    h = Float((Double(h) / 6.0 + 1.0).truncatingRemainder(dividingBy: 1.0))
    return (clip(Int(Double(h) * 255.0)), clip(Int(Double(s) * 255.0)), most)
  }

  /// `hsv2rgb` of Pillow's `Convert.c`.
  private func rgb(_ h: UInt8, _ s: UInt8, _ v: UInt8) -> (UInt8, UInt8, UInt8) {
    guard s != 0 else { return (v, v, v) }
    let sixth = Double(Float(h)) * 6.0 / 255.0
    let i = Int(sixth)
    let f = Double(Float(sixth - Double(Float(i))))
    let fs = Double(Float(Double(Float(s)) / 255.0))
    let value = Double(v)
    let p = rounded(value * (1.0 - fs))
    let q = rounded(value * (1.0 - fs * f))
    let t = rounded(value * (1.0 - fs * (1.0 - f)))
    switch i % 6 {
    case 0: return (v, t, p)
    case 1: return (q, v, p)
    case 2: return (p, v, t)
    case 3: return (p, q, v)
    case 4: return (t, p, v)
    default: return (v, p, q)
    }
  }

  private func rounded(_ value: Double) -> UInt8 {
    clip(Int(value.rounded(.toNearestOrAwayFromZero)))
  }

  private func clip(_ value: Int) -> UInt8 { UInt8(min(max(value, 0), 255)) }
}
