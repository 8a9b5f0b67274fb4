import CifarCore
import Glibc

/// Changes of one image of bytes, (channels, height, width), by given parameters: what torchvision
/// does with PIL images, to the byte.
struct ByteTransforms {
  let shape: ImageShape
  typealias Pixels = UnsafePointer<UInt8>
  typealias Target = UnsafeMutablePointer<UInt8>

  init(_ shape: ImageShape) { self.shape = shape }

  private var width: Int { shape.width }
  private var height: Int { shape.height }

  /// Exchanges left and right.
  func flip(_ image: Pixels, to target: Target) {
    for row in 0..<(shape.channels * height) {
      for x in 0..<width { target[row * width + x] = image[row * width + width - 1 - x] }
    }
  }

  /// Moves the image by whole pixels to the right and down; what comes in is black.
  func translate(_ image: Pixels, dx: Int, dy: Int, to target: Target) {
    target.update(repeating: 0, count: shape.count)
    let columns = max(0, dx)..<max(max(0, dx), min(width, width + dx))
    for channel in 0..<shape.channels {
      for y in max(0, dy)..<max(max(0, dy), min(height, height + dy)) {
        let from = image + (channel * height + y - dy) * width - dx
        let to = target + (channel * height + y) * width
        for x in columns { to[x] = from[x] }
      }
    }
  }

  /// The same with the image's mirror at its edges, which show once: NumPy's padding mode
  /// `reflect`. By less than the sides.
  func translateReflecting(_ image: Pixels, dx: Int, dy: Int, to target: Target) {
    func mirrored(_ place: Int, _ side: Int) -> Int {
      place < 0 ? -place : place >= side ? 2 * (side - 1) - place : place
    }
    for channel in 0..<shape.channels {
      for y in 0..<height {
        let from = image + (channel * height + mirrored(y - dy, height)) * width
        let to = target + (channel * height + y) * width
        for x in 0..<width { to[x] = from[mirrored(x - dx, width)] }
      }
    }
  }

  /// Turns the image counterclockwise about its centre; each pixel takes the nearest one, black
  /// outside.
  ///
  /// `PIL.Image.rotate` maps output pixels to input pixels by the inverse rotation, with
  /// coefficients rounded to 15 digits, and `Geometry.c` walks along in 16.16 fixed point from
  /// pixel centre to pixel centre.
  func rotate(_ image: Pixels, degrees: Double, to target: Target) {
    var turn = degrees.truncatingRemainder(dividingBy: 360)
    if turn < 0 { turn += 360 }
    if turn == 0 { return target.update(from: image, count: shape.count) }
    let angle = -turn * .pi / 180
    let cosine = rounded(cos(angle))
    let sine = rounded(sin(angle))
    let (centerX, centerY) = (Double(width) / 2, Double(height) / 2)
    let x0 = cosine * -centerX + sine * -centerY + centerX
    let y0 = -sine * -centerX + cosine * -centerY + centerY
    let (stepX, stepY) = (fixed(cosine), fixed(-sine))
    let (lineX, lineY) = (fixed(sine), fixed(cosine))
    var startX = fixed(x0 + cosine * 0.5 + sine * 0.5)
    var startY = fixed(y0 - sine * 0.5 + cosine * 0.5)
    let plane = shape.pixels
    for y in 0..<height {
      var (xx, yy) = (startX, startY)
      for x in 0..<width {
        let (column, row) = (xx >> 16, yy >> 16)
        let inside = column >= 0 && column < width && row >= 0 && row < height
        let to = y * width + x
        let from = row * width + column
        for channel in 0..<shape.channels {
          target[channel * plane + to] = inside ? image[channel * plane + from] : 0
        }
        xx += stepX
        yy += stepY
      }
      startX += lineX
      startY += lineY
    }
  }

  private func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }

  /// Python's `round(value, 15)`.
  private func rounded(_ value: Double) -> Double {
    (value * 1e15).rounded(.toNearestOrEven) / 1e15
  }
}
