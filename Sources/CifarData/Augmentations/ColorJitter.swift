import CifarCore

/// Changes brightness, contrast, saturation and hue, in any order.
package struct ColorJitter: ImageAugmentation {
  package var brightness = 0.0
  package var contrast = 0.0
  package var saturation = 0.0
  package var hue = 0.0

  package static let type = "color_jitter"
  package static let meaning = "torchvision's ColorJitter: in an order that is drawn"
  package static let options: [OptionDescription<Self>] = [
    .number("brightness", \.brightness, .from(0, to: 100), "a factor in 1 ± this number"),
    .number("contrast", \.contrast, .from(0, to: 100), "a factor in 1 ± this number"),
    .number("saturation", \.saturation, .from(0, to: 100), "a factor in 1 ± this number"),
    .number("hue", \.hue, .from(0, to: 0.5), "a shift by ± this share of the colour circle"),
  ]

  package init() {}
  package init(
    brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0
  ) {
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
    self.hue = hue
  }

  package func apply(to image: AugmentedImage, _ random: inout RandomSequence) {
    let transforms = ColorTransforms(image.shape)
    for change in changes(&random) { image.change { change.apply(transforms, $0, to: $1) } }
  }

  enum Change: Equatable {
    case brightness(Float)
    case contrast(Float)
    case saturation(Float)
    case hue(Double)

    func apply(
      _ transforms: ColorTransforms, _ image: UnsafePointer<UInt8>,
      to target: UnsafeMutablePointer<UInt8>
    ) {
      switch self {
      case .brightness(let factor): transforms.brightness(image, factor: factor, to: target)
      case .contrast(let factor): transforms.contrast(image, factor: factor, to: target)
      case .saturation(let factor): transforms.saturation(image, factor: factor, to: target)
      case .hue(let shift): transforms.hue(image, shift: shift, to: target)
      }
    }
  }

  /// What is done to one image: at most one change of each kind, none of an empty range.
  func changes(_ random: inout RandomSequence) -> [Change] {
    func factor(_ reach: Double) -> Float {
      random.uniform(Float(max(0, 1 - reach)), Float(1 + reach))
    }
    var changes: [Change] = []
    changes.reserveCapacity(4)
    if brightness > 0 { changes.append(.brightness(factor(brightness))) }
    if contrast > 0 { changes.append(.contrast(factor(contrast))) }
    if saturation > 0 { changes.append(.saturation(factor(saturation))) }
    if hue > 0 { changes.append(.hue(Double(random.uniform(Float(-hue), Float(hue))))) }
    for i in changes.indices.reversed() where i > 0 { changes.swapAt(i, random.below(i + 1)) }
    return changes
  }
}
