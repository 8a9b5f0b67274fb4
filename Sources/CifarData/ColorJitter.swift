import CifarCore

/// The changes that torchvision's `ColorJitter` makes to one image: those whose range is not empty,
/// in an order that is drawn.
struct ColorJitter {
  enum Change: Equatable {
    case brightness(Float)
    case contrast(Float)
    case saturation(Float)
    case hue(Double)

    func apply(_ image: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>) {
      switch self {
      case .brightness(let factor): ColorTransforms.brightness(image, factor: factor, to: target)
      case .contrast(let factor): ColorTransforms.contrast(image, factor: factor, to: target)
      case .saturation(let factor): ColorTransforms.saturation(image, factor: factor, to: target)
      case .hue(let shift): ColorTransforms.hue(image, shift: shift, to: target)
      }
    }
  }

  /// At most one of each kind.
  private(set) var changes: [Change] = []

  init(
    _ brightness: Double, _ contrast: Double, _ saturation: Double, _ hue: Double,
    _ random: inout RandomSequence
  ) {
    func factor(_ reach: Double) -> Float {
      random.uniform(Float(max(0, 1 - reach)), Float(1 + reach))
    }
    changes.reserveCapacity(4)
    if brightness > 0 { changes.append(.brightness(factor(brightness))) }
    if contrast > 0 { changes.append(.contrast(factor(contrast))) }
    if saturation > 0 { changes.append(.saturation(factor(saturation))) }
    if hue > 0 { changes.append(.hue(Double(random.uniform(Float(-hue), Float(hue))))) }
    for i in changes.indices.reversed() where i > 0 { changes.swapAt(i, random.below(i + 1)) }
  }
}
