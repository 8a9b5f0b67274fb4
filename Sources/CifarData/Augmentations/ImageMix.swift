import CifarCore

/// How the images of a batch are mixed, each with the one before it, the first with the last.
package enum ImageMix: Equatable {
  /// `share` of the image and the rest of the other.
  case blend(share: Double)
  /// Some pixels of the other.
  case paste(rows: Range<Int>, columns: Range<Int>, share: Double)

  /// What of an image is its own, from 0 to 1: that much its label counts.
  var share: Double {
    switch self {
    case .blend(let share), .paste(_, _, let share): share
    }
  }

  /// A rectangle that leaves a share of the image, as far as it is inside.
  ///
  /// - Parameters:
  ///   - x: column of its centre.
  ///   - y: row of its centre.
  static func pasted(_ shape: ImageShape, share: Double, x: Int, y: Int) -> ImageMix {
    let half = 0.5 * (1 - share).squareRoot()
    func range(_ center: Int, _ side: Int) -> Range<Int> {
      let reach = Int(half * Double(side))
      return max(0, center - reach)..<min(side, center + reach)
    }
    let (rows, columns) = (range(y, shape.height), range(x, shape.width))
    return .paste(
      rows: rows, columns: columns,
      share: 1 - Double(rows.count * columns.count) / Double(shape.pixels))
  }

  /// - Parameters:
  ///   - image: (channels, height, width), changed.
  ///   - other: of the same shape.
  func apply(
    _ shape: ImageShape, to image: UnsafeMutablePointer<Float>, with other: UnsafePointer<Float>
  ) {
    switch self {
    case .blend(let share):
      let (own, rest) = (Float(share), Float(1 - share))
      for i in 0..<shape.count { image[i] = other[i] * rest + image[i] * own }
    case .paste(let rows, let columns, _):
      for channel in 0..<shape.channels {
        for y in rows {
          let row = (channel * shape.height + y) * shape.width
          for x in columns { image[row + x] = other[row + x] }
        }
      }
    }
  }
}
