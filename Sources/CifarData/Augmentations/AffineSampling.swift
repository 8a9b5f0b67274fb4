import CifarCore
import Glibc

/// Moves of one image of bytes, (channels, height, width), in which each pixel takes the nearest one
/// of the image: what torchvision's v2 makes of uint8 tensors, to the byte.
///
/// Another rotation than `ByteTransforms.rotate`, which walks in Pillow's fixed point. Here numbers are
/// 32-bit ones, as in `grid_sample`: which of two pixels that are equally near is taken depends on
/// their rounding, and so on the order of the operations.
struct AffineSampling {
  let shape: ImageShape
  /// What comes in from outside.
  let fill: UInt8

  init(_ shape: ImageShape, fill: UInt8 = 0) {
    self.shape = shape
    self.fill = fill
  }

  /// Where in the image a pixel of the result comes from, both counted from the image's middle:
  /// (xx·x + xy·y + x0, yx·x + yy·y + y0).
  struct Matrix: Equatable {
    var xx = 1.0
    var xy = 0.0
    var x0 = 0.0
    var yx = 0.0
    var yy = 1.0
    var y0 = 0.0
  }

  /// Moves rows to the left, or with a negative factor to the right, by their distance from the upper
  /// edge times the factor.
  func shearX(_ factor: Double) -> Matrix {
    let slope = tan(throughDegrees(atan(factor)))
    return Matrix(xy: slope, x0: slope * 0.5 * Double(shape.height))
  }

  /// Moves columns up likewise, by their distance from the left edge.
  func shearY(_ factor: Double) -> Matrix {
    let angle = throughDegrees(atan(factor))
    let slope = sin(angle) / cos(angle)
    return Matrix(yx: slope, y0: slope * 0.5 * Double(shape.width))
  }

  /// Moves the image by whole pixels to the right and down.
  func translation(dx: Int, dy: Int) -> Matrix { Matrix(x0: -Double(dx), y0: -Double(dy)) }

  /// Turns the image counterclockwise about its middle.
  func rotation(degrees: Double) -> Matrix {
    // A quarter of a square image is turned without rounding.
    if shape.height == shape.width, abs(degrees) == 90 {
      return Matrix(xx: 0, xy: degrees < 0 ? 1 : -1, yx: degrees < 0 ? -1 : 1, yy: 0)
    }
    let turn = degrees < 0 ? degrees + 360 : degrees
    let angle = turn * .pi / 180
    return Matrix(xx: cos(angle), xy: -sin(angle), yx: sin(angle), yy: cos(angle))
  }

  /// torchvision passes angles on in degrees, rounded.
  private func throughDegrees(_ angle: Double) -> Double { angle * (180 / .pi) * (.pi / 180) }

  /// Takes each pixel from where the matrix says.
  func apply(
    _ matrix: Matrix, _ image: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>
  ) {
    let (width, height) = (shape.width, shape.height)
    // A side reaches from -1 to 1.
    let (halfWidth, halfHeight) = (Float(width) / 2, Float(height) / 2)
    let (xx, xy, x0) = (
      Float(matrix.xx) / halfWidth, Float(matrix.xy) / halfWidth, Float(matrix.x0) / halfWidth
    )
    let (yx, yy, y0) = (
      Float(matrix.yx) / halfHeight, Float(matrix.yy) / halfHeight, Float(matrix.y0) / halfHeight
    )
    func pixel(_ place: Float, _ half: Float) -> Int {
      Int(((place + 1) * half - 0.5).rounded(.toNearestOrEven))
    }
    for row in 0..<height {
      let y = Float(row) - (Float(height) - 1) / 2
      for column in 0..<width {
        let x = Float(column) - (Float(width) - 1) / 2
        let fromColumn = pixel(x * xx + y * xy + x0, halfWidth)
        let fromRow = pixel(x * yx + y * yy + y0, halfHeight)
        let isInside =
          fromColumn >= 0 && fromColumn < width && fromRow >= 0 && fromRow < height
        let from = fromRow * width + fromColumn
        let to = row * width + column
        for channel in 0..<shape.channels {
          let plane = channel * shape.pixels
          target[plane + to] = isInside ? image[plane + from] : fill
        }
      }
    }
  }
}
