import Glibc

/// The affine transform of Keras's `ImageDataGenerator`, by given parameters.
///
/// Output pixel (row, column) takes the input at M·(row, column, 1), interpolated bilinearly, where
/// M zooms, shifts and turns by theta, about the centre of the image; outside, the nearest edge repeats.
/// Source: `apply_affine_transform` in Keras and SciPy's `affine_transform` with order 1. Keras 3
/// exchanges the axes of its matrix, so that there theta turns the other way and a height shift
/// moves columns. Here the names hold; with ranges as they are drawn, ± and equal, it is the same.
struct GeneratorTransform {
  /// Degrees.
  var theta: Double
  /// Rows down and columns to the right in the input's frame.
  var tx: Double
  var ty: Double
  var flip: Bool
  /// How much further apart the input's rows and columns are than the output's: above 1 is out.
  var zx = 1.0
  var zy = 1.0

  private static let side = 32

  /// - Parameter target: (3, 32, 32) numbers in [0, 255].
  func apply(_ image: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Float>) {
    let side = GeneratorTransform.side
    let radians = theta * .pi / 180
    let (cosine, sine) = (cos(radians), sin(radians))
    let center = Double(side) / 2 - 0.5
    // Rotation · shift · zoom, moved so that the centre stays where it is.
    let row0 = center + cosine * (tx - zx * center) - sine * (ty - zy * center)
    let column0 = center + sine * (tx - zx * center) + cosine * (ty - zy * center)
    let (rowDown, rowRight) = (cosine * zx, -sine * zy)
    let (columnDown, columnRight) = (sine * zx, cosine * zy)
    let plane = side * side
    let last = Double(side - 1)
    for y in 0..<side {
      for x in 0..<side {
        let row = min(max(row0 + rowDown * Double(y) + rowRight * Double(x), 0), last)
        let column = min(
          max(column0 + columnDown * Double(y) + columnRight * Double(x), 0), last)
        let (top, left) = (Int(row), Int(column))
        let down = Float(row - Double(top))
        let right = Float(column - Double(left))
        let from = top * side + left
        let nextRow = top + 1 < side ? side : 0
        let nextColumn = left + 1 < side ? 1 : 0
        let to = y * side + (flip ? side - 1 - x : x)
        for channel in 0..<3 {
          let p = image + channel * plane + from
          let upper = Float(p[0]) + (Float(p[nextColumn]) - Float(p[0])) * right
          let lower =
            Float(p[nextRow]) + (Float(p[nextRow + nextColumn]) - Float(p[nextRow])) * right
          target[channel * plane + to] = upper + (lower - upper) * down
        }
      }
    }
  }
}
