import Glibc

/// Changes of one image of bytes, (3, 32, 32), by given parameters: what torchvision does with PIL
/// images, to the byte.
enum ByteTransforms {
  static let side = 32
  typealias Pixels = UnsafePointer<UInt8>
  typealias Target = UnsafeMutablePointer<UInt8>

  /// Exchanges left and right.
  static func flip(_ image: Pixels, to target: Target) {
    for row in 0..<(3 * side) {
      for x in 0..<side { target[row * side + x] = image[row * side + side - 1 - x] }
    }
  }

  /// Moves the image by whole pixels to the right and down; what comes in is black.
  static func translate(_ image: Pixels, dx: Int, dy: Int, to target: Target) {
    target.update(repeating: 0, count: 3 * side * side)
    let columns = max(0, dx)..<max(max(0, dx), min(side, side + dx))
    for channel in 0..<3 {
      for y in max(0, dy)..<max(max(0, dy), min(side, side + dy)) {
        let from = image + (channel * side + y - dy) * side - dx
        let to = target + (channel * side + y) * side
        for x in columns { to[x] = from[x] }
      }
    }
  }

  /// The same with the image's mirror at its edges, which show once: NumPy's padding mode
  /// `reflect`. By less than the side.
  static func translateReflecting(_ image: Pixels, dx: Int, dy: Int, to target: Target) {
    func mirrored(_ place: Int) -> Int {
      place < 0 ? -place : place >= side ? 2 * (side - 1) - place : place
    }
    for channel in 0..<3 {
      for y in 0..<side {
        let from = image + (channel * side + mirrored(y - dy)) * side
        let to = target + (channel * side + y) * side
        for x in 0..<side { to[x] = from[mirrored(x - dx)] }
      }
    }
  }

  /// Turns the image counterclockwise about its centre; each pixel takes the nearest one, black
  /// outside.
  ///
  /// `PIL.Image.rotate` maps output pixels to input pixels by the inverse rotation, with
  /// coefficients rounded to 15 digits, and `Geometry.c` walks along in 16.16 fixed point from
  /// pixel centre to pixel centre.
  static func rotate(_ image: Pixels, degrees: Double, to target: Target) {
    var turn = degrees.truncatingRemainder(dividingBy: 360)
    if turn < 0 { turn += 360 }
    if turn == 0 { return target.update(from: image, count: 3 * side * side) }
    let angle = -turn * .pi / 180
    let cosine = rounded(cos(angle))
    let sine = rounded(sin(angle))
    let center = Double(side) / 2
    let x0 = cosine * -center + sine * -center + center
    let y0 = -sine * -center + cosine * -center + center
    let (stepX, stepY) = (fixed(cosine), fixed(-sine))
    let (lineX, lineY) = (fixed(sine), fixed(cosine))
    var startX = fixed(x0 + cosine * 0.5 + sine * 0.5)
    var startY = fixed(y0 - sine * 0.5 + cosine * 0.5)
    let plane = side * side
    for y in 0..<side {
      var (xx, yy) = (startX, startY)
      for x in 0..<side {
        let (column, row) = (xx >> 16, yy >> 16)
        let inside = column >= 0 && column < side && row >= 0 && row < side
        let to = y * side + x
        let from = row * side + column
        target[to] = inside ? image[from] : 0
        target[plane + to] = inside ? image[plane + from] : 0
        target[2 * plane + to] = inside ? image[2 * plane + from] : 0
        xx += stepX
        yy += stepY
      }
      startX += lineX
      startY += lineY
    }
  }

  private static func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }

  /// Python's `round(value, 15)`.
  private static func rounded(_ value: Double) -> Double {
    (value * 1e15).rounded(.toNearestOrEven) / 1e15
  }
}
