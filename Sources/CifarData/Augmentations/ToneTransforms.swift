import CifarCore

/// Changes of the values of one image of bytes, (channels, height, width): what torchvision's v2 makes
/// of uint8 tensors, to the byte.
///
/// Contrast and saturation are not quite those of `ColorTransforms`, which are Pillow's: greys are
/// weighted and rounded in other ways.
struct ToneTransforms {
  let shape: ImageShape
  typealias Pixels = UnsafePointer<UInt8>
  typealias Target = UnsafeMutablePointer<UInt8>

  init(_ shape: ImageShape) { self.shape = shape }

  private var plane: Int { shape.pixels }

  // MARK: Blends: factor 0 is the other image, 1 the image itself, more is beyond it

  /// Blends with the image's mean grey.
  func contrast(_ image: Pixels, factor: Double, to target: Target) {
    var sum = 0
    for i in 0..<plane { sum += Int(grey(image, i)) }
    let (own, rest) = (Float(factor), Float(1 - factor))
    let mean = Float(sum) / Float(plane)
    for i in 0..<shape.count { target[i] = byte(multiplyAdd(mean, rest, Float(image[i]) * own)) }
  }

  /// Blends with the image in greys; an image in greys stays as it is.
  func saturation(_ image: Pixels, factor: Double, to target: Target) {
    if shape.channels == 1 { return target.update(from: image, count: shape.count) }
    let (own, rest) = (Float(factor), Float(1 - factor))
    for i in 0..<plane {
      let grey = grey(image, i)
      for channel in 0..<3 {
        let place = channel * plane + i
        target[place] = byte(multiplyAdd(grey, rest, Float(image[place]) * own))
      }
    }
  }

  /// Blends with the image smoothed by a filter of 3×3 with 5/13 in the middle and 1/13 around; the
  /// outermost pixels stay as they are.
  func sharpness(_ image: Pixels, factor: Double, to target: Target) {
    let (width, height) = (shape.width, shape.height)
    let rest = Float(1 - factor)
    for channel in 0..<shape.channels {
      let from = image + channel * plane
      let to = target + channel * plane
      to.update(from: from, count: plane)
      for y in 1..<(height - 1) {
        for x in 1..<(width - 1) {
          let center = y * width + x
          var sum = 4 * Int(from[center])
          for row in (y - 1)...(y + 1) {
            let place = row * width + x
            sum += Int(from[place - 1]) + Int(from[place]) + Int(from[place + 1])
          }
          // The nearest whole number; no thirteenth lies in the middle of two.
          let smooth = (2 * sum + 13) / 26
          let own = Float(from[center])
          to[center] = byte(multiplyAdd(Float(smooth) - own, rest, own))
        }
      }
    }
  }

  /// ITU-R 601-2 luma with four decimals, cut off to a whole number.
  private func grey(_ image: Pixels, _ i: Int) -> Float {
    if shape.channels == 1 { return Float(image[i]) }
    let red = Float(image[i]) * 0.2989
    let redGreen = multiplyAdd(Float(image[plane + i]), 0.587, red)
    return multiplyAdd(Float(image[2 * plane + i]), 0.114, redGreen).rounded(.towardZero)
  }

  /// a·b + c, rounded once, as PyTorch's vectors have it: a product of two 32-bit numbers is exact in
  /// 64 bits. A call of `fmaf` for each pixel would be slow.
  private func multiplyAdd(_ a: Float, _ b: Float, _ c: Float) -> Float {
    Float(Double(a) * Double(b) + Double(c))
  }

  /// Cut off, and at the ends of the range.
  private func byte(_ value: Float) -> UInt8 { UInt8(min(max(value, 0), 255)) }

  // MARK: Tables: each value has its new one

  /// Keeps the upper `bits` of each value.
  func posterize(_ image: Pixels, bits: Int, to target: Target) {
    let mask = bits >= 8 ? UInt8.max : UInt8.max << UInt8(8 - bits)
    for i in 0..<shape.count { target[i] = image[i] & mask }
  }

  /// Inverts the values from a threshold on.
  func solarize(_ image: Pixels, threshold: Float, to target: Target) {
    for i in 0..<shape.count {
      target[i] = Float(image[i]) >= threshold ? 255 - image[i] : image[i]
    }
  }

  /// Stretches each channel's values over the whole range.
  func autocontrast(_ image: Pixels, to target: Target) {
    for channel in 0..<shape.channels {
      let from = image + channel * plane
      let to = target + channel * plane
      var (least, most) = (from[0], from[0])
      for i in 1..<plane {
        least = min(least, from[i])
        most = max(most, from[i])
      }
      if least == most {
        to.update(from: from, count: plane)
        continue
      }
      let scale = Float(most - least) * (1 / 255)
      change(from, to) { byte(Float($0 > least ? $0 - least : 0) / scale) }
    }
  }

  /// Makes each channel's values equally frequent, as far as there are enough of them: Pillow's
  /// `ImageOps.equalize`.
  func equalize(_ image: Pixels, to target: Target) {
    for channel in 0..<shape.channels {
      let from = image + channel * plane
      let to = target + channel * plane
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: 256) { counts in
        counts.initialize(repeating: 0)
        for i in 0..<plane { counts[Int(from[i])] += 1 }
        let last = counts.last { $0 > 0 } ?? 0
        let step = (Int32(plane) - last) / 255
        if step == 0 { return to.update(from: from, count: plane) }
        var below: Int32 = 0
        for value in 0..<256 {
          let count = counts[value]
          counts[value] = min((below + step / 2) / step, 255)
          below += count
        }
        for i in 0..<plane { to[i] = UInt8(counts[Int(from[i])]) }
      }
    }
  }

  /// Looks each value of a channel up in a table, which is shorter than a channel.
  private func change(_ from: Pixels, _ to: Target, _ change: (UInt8) -> UInt8) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { table in
      for value in UInt8.min...UInt8.max {
        table.initializeElement(at: Int(value), to: change(value))
      }
      for i in 0..<plane { to[i] = table[Int(from[i])] }
    }
  }
}
