import CifarCore
import Glibc

/// Draws one image of the built-in data set.
struct ShapePainter {
  private typealias Color = SIMD3<Float>

  // Pixels to the shape's own plane.
  private let center: SIMD2<Float>
  private let scale: Float
  private let cosine: Float
  private let sine: Float
  private let foreground: Shading
  private let background: Shading
  private let noise: Float

  /// A colour that changes linearly across the image.
  private struct Shading {
    var color: Color
    var slope: SIMD2<Float>

    func at(_ x: Float, _ y: Float) -> Color { color + (slope.x * (x - 16) + slope.y * (y - 16)) }
  }

  init(_ random: inout RandomSequence) {
    scale = random.uniform(7, 12)
    let reach = min(15.5 - scale, 6)
    center = [16 + random.uniform(-reach, reach), 16 + random.uniform(-reach, reach)]
    let turn = random.uniform(-0.75, 0.75)
    (cosine, sine) = (cos(turn), sin(turn))
    var first = ShapePainter.color(&random)
    var second = ShapePainter.color(&random)
    // The shape is lighter than what is behind it, by enough to be seen.
    while ShapePainter.lightness(first) < ShapePainter.lightness(second) + 40 {
      first = ShapePainter.color(&random)
      second = ShapePainter.color(&random)
    }
    foreground = Shading(
      color: first, slope: [random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5)])
    background = Shading(
      color: second, slope: [random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5)])
    noise = random.uniform(4, 14)
  }

  /// - Parameter image: (3, 32, 32), overwritten.
  func paint(
    _ shape: Shape, to image: UnsafeMutablePointer<UInt8>, _ random: inout RandomSequence
  ) {
    let clutter = (0..<(2 + random.below(4))).map { _ in Stroke(&random) }
    for y in 0..<32 {
      for x in 0..<32 {
        let (px, py) = (Float(x) + 0.5, Float(y) + 0.5)
        var color = background.at(px, py)
        for stroke in clutter { color = stroke.over(color, px, py) }
        let (dx, dy) = ((px - center.x) / scale, (py - center.y) / scale)
        let distance = shape.distance(cosine * dx + sine * dy, cosine * dy - sine * dx)
        // One pixel's width from outside to inside.
        let coverage = min(max(0.5 - distance * scale, 0), 1)
        color += coverage * (foreground.at(px, py) - color)
        for channel in 0..<3 {
          let value = color[channel] + noise * ShapePainter.bell(&random)
          image[(channel * 32 + y) * 32 + x] = UInt8(min(max(value, 0), 255))
        }
      }
    }
  }

  /// A thin line of a colour of its own behind the shape.
  private struct Stroke {
    let start: SIMD2<Float>
    let direction: SIMD2<Float>
    let length: Float
    let color: Color

    init(_ random: inout RandomSequence) {
      start = [random.uniform(0, 32), random.uniform(0, 32)]
      let turn = random.uniform(0, 2 * .pi)
      direction = [cos(turn), sin(turn)]
      length = random.uniform(3, 14)
      color = ShapePainter.color(&random)
    }

    func over(_ below: Color, _ x: Float, _ y: Float) -> Color {
      let (px, py) = (x - start.x, y - start.y)
      let t = min(max(px * direction.x + py * direction.y, 0), length)
      let (dx, dy) = (px - t * direction.x, py - t * direction.y)
      let coverage = min(max(1.2 - (dx * dx + dy * dy).squareRoot(), 0), 1)
      return below + coverage * (color - below)
    }
  }

  private static func color(_ random: inout RandomSequence) -> Color {
    [random.uniform(20, 235), random.uniform(20, 235), random.uniform(20, 235)]
  }

  private static func lightness(_ color: Color) -> Float {
    0.3 * color.x + 0.59 * color.y + 0.11 * color.z
  }

  /// Close to normal, with deviation 1: the sum of four uniform bytes.
  private static func bell(_ random: inout RandomSequence) -> Float {
    let word = random.nextWord()
    let sum = (word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24)
    return (Float(sum) - 510) / 147.8
  }
}
