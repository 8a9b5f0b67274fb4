import CifarCore
import Glibc

/// The affine transform of Keras's `ImageDataGenerator`, by given parameters.
///
/// Output pixel (row, column) takes the input at M·(row, column, 1), interpolated bilinearly, where
/// M zooms, shifts and turns by theta, about the centre of the image; outside, the nearest edge repeats.
/// Source: `apply_affine_transform` in Keras and SciPy's `affine_transform` with order 1. Keras 3
/// exchanges the axes of its matrix, so that there theta turns the other way, a height shift moves
/// columns, and the centre of an image with unequal sides is beside its middle. Here the names hold; with ranges as they are drawn, ± and equal, it is the same.
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

  /// - Parameter target: (channels, height, width) numbers in [0, 255].
  func apply(
    _ shape: ImageShape, _ image: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Float>
  ) {
    let radians = theta * .pi / 180
    let (cosine, sine) = (cos(radians), sin(radians))
    let (middle, center) = (Double(shape.height) / 2 - 0.5, Double(shape.width) / 2 - 0.5)
    // Rotation · shift · zoom, moved so that the centre stays where it is.
    let row0 = middle + cosine * (tx - zx * middle) - sine * (ty - zy * center)
    let column0 = center + sine * (tx - zx * middle) + cosine * (ty - zy * center)
    let (rowDown, rowRight) = (cosine * zx, -sine * zy)
    let (columnDown, columnRight) = (sine * zx, cosine * zy)
    let (height, width) = (shape.height, shape.width)
    let (lastRow, lastColumn) = (Double(height - 1), Double(width - 1))
    for y in 0..<height {
      for x in 0..<width {
        let row = min(max(row0 + rowDown * Double(y) + rowRight * Double(x), 0), lastRow)
        let column = min(
          max(column0 + columnDown * Double(y) + columnRight * Double(x), 0), lastColumn)
        let (top, left) = (Int(row), Int(column))
        let down = Float(row - Double(top))
        let right = Float(column - Double(left))
        let from = top * width + left
        let nextRow = top + 1 < height ? width : 0
        let nextColumn = left + 1 < width ? 1 : 0
        let to = y * width + (flip ? width - 1 - x : x)
        for channel in 0..<shape.channels {
          let p = image + channel * shape.pixels + from
          let upper = Float(p[0]) + (Float(p[nextColumn]) - Float(p[0])) * right
          let lower =
            Float(p[nextRow]) + (Float(p[nextRow + nextColumn]) - Float(p[nextRow])) * right
          target[channel * shape.pixels + to] = upper + (lower - upper) * down
        }
      }
    }
  }
}
