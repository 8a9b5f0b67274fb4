import CifarCore
import Glibc

/// A part of an image that is made 0 after normalisation: with a data set's own statistics that is
/// its mean.
struct ErasedRectangle: Equatable {
  var rows: Range<Int>
  var columns: Range<Int>

  /// Cutout (DeVries & Taylor 2017): a square around any pixel, as far as it is inside.
  static func cutout(
    _ shape: ImageShape, size: Int, _ random: inout RandomSequence
  ) -> ErasedRectangle {
    let y = random.below(shape.height)
    let x = random.below(shape.width)
    func range(_ center: Int, _ side: Int) -> Range<Int> {
      max(0, center - size / 2)..<min(side, center - size / 2 + size)
    }
    return ErasedRectangle(rows: range(y, shape.height), columns: range(x, shape.width))
  }

  /// torchvision's `RandomErasing.get_params`: shares of the area and ratios of height to width are
  /// drawn until the rectangle is smaller than the image, ten times at most.
  static func random(
    _ shape: ImageShape, scale: [Double], ratio: [Double], _ random: inout RandomSequence
  ) -> ErasedRectangle? {
    for _ in 0..<10 {
      let area = Double(shape.pixels) * Double(random.uniform(Float(scale[0]), Float(scale[1])))
      let aspect = exp(Double(random.uniform(Float(log(ratio[0])), Float(log(ratio[1])))))
      let height = Int((area * aspect).squareRoot().rounded(.toNearestOrEven))
      let width = Int((area / aspect).squareRoot().rounded(.toNearestOrEven))
      guard height < shape.height, width < shape.width else { continue }
      let y = random.below(shape.height - height + 1)
      let x = random.below(shape.width - width + 1)
      return ErasedRectangle(rows: y..<(y + height), columns: x..<(x + width))
    }
    return nil
  }

  /// - Parameter image: (channels, height, width), normalised.
  func erase(_ image: UnsafeMutablePointer<Float>, _ shape: ImageShape) {
    for channel in 0..<shape.channels {
      for y in rows {
        for x in columns { image[(channel * shape.height + y) * shape.width + x] = 0 }
      }
    }
  }
}
