import CifarCore
import Glibc

/// A part of an image that is made 0 after normalisation: with a data set's own statistics that is
/// its mean.
struct ErasedRectangle: Equatable {
  var rows: Range<Int>
  var columns: Range<Int>

  private static let side = 32

  /// Cutout (DeVries & Taylor 2017): a square around any pixel, as far as it is inside.
  static func cutout(size: Int, _ random: inout RandomSequence) -> ErasedRectangle {
    let y = random.below(side)
    let x = random.below(side)
    func range(_ center: Int) -> Range<Int> {
      max(0, center - size / 2)..<min(side, center - size / 2 + size)
    }
    return ErasedRectangle(rows: range(y), columns: range(x))
  }

  /// torchvision's `RandomErasing.get_params`: shares of the area and ratios of height to width are
  /// drawn until the rectangle is smaller than the image, ten times at most.
  static func random(
    scale: [Double], ratio: [Double], _ random: inout RandomSequence
  ) -> ErasedRectangle? {
    for _ in 0..<10 {
      let area = Double(side * side) * Double(random.uniform(Float(scale[0]), Float(scale[1])))
      let aspect = exp(Double(random.uniform(Float(log(ratio[0])), Float(log(ratio[1])))))
      let height = Int((area * aspect).squareRoot().rounded(.toNearestOrEven))
      let width = Int((area / aspect).squareRoot().rounded(.toNearestOrEven))
      guard height < side, width < side else { continue }
      let y = random.below(side - height + 1)
      let x = random.below(side - width + 1)
      return ErasedRectangle(rows: y..<(y + height), columns: x..<(x + width))
    }
    return nil
  }

  /// - Parameter image: (3, 32, 32), normalised.
  func erase(_ image: UnsafeMutablePointer<Float>) {
    for channel in 0..<3 {
      for y in rows {
        for x in columns { image[(channel * 32 + y) * 32 + x] = 0 }
      }
    }
  }
}
