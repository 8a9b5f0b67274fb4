import CifarCore

/// One change that TrivialAugment and RandAugment choose from, with how much of it: those of
/// torchvision's v2 on uint8 tensors.
enum AutoAugmentOperation: Hashable {
  case identity
  case shearX(Double)
  case shearY(Double)
  case translateX(Int)
  case translateY(Int)
  /// Degrees, counterclockwise.
  case rotate(Double)
  /// Factors, 1 for no change.
  case brightness(Double)
  case color(Double)
  case contrast(Double)
  case sharpness(Double)
  /// Bits that stay.
  case posterize(Int)
  /// The least value that is inverted.
  case solarize(Float)
  case autocontrast
  case equalize

  func apply(
    _ shape: ImageShape, fill: UInt8, _ image: UnsafePointer<UInt8>,
    to target: UnsafeMutablePointer<UInt8>
  ) {
    let sampling = AffineSampling(shape, fill: fill)
    let tones = ToneTransforms(shape)
    switch self {
    case .identity: target.update(from: image, count: shape.count)
    case .shearX(let factor): sampling.apply(sampling.shearX(factor), image, to: target)
    case .shearY(let factor): sampling.apply(sampling.shearY(factor), image, to: target)
    case .translateX(let dx):
      sampling.apply(sampling.translation(dx: dx, dy: 0), image, to: target)
    case .translateY(let dy):
      sampling.apply(sampling.translation(dx: 0, dy: dy), image, to: target)
    case .rotate(let degrees):
      sampling.apply(sampling.rotation(degrees: degrees), image, to: target)
    case .brightness(let factor):
      ColorTransforms(shape).brightness(image, factor: Float(factor), to: target)
    case .color(let factor): tones.saturation(image, factor: factor, to: target)
    case .contrast(let factor): tones.contrast(image, factor: factor, to: target)
    case .sharpness(let factor): tones.sharpness(image, factor: factor, to: target)
    case .posterize(let bits): tones.posterize(image, bits: bits, to: target)
    case .solarize(let threshold): tones.solarize(image, threshold: threshold, to: target)
    case .autocontrast: tones.autocontrast(image, to: target)
    case .equalize: tones.equalize(image, to: target)
    }
  }
}

extension AutoAugmentOperation {
  /// A kind of operation, whose strength is still to be chosen; in torchvision's order.
  enum Kind: Int, CaseIterable {
    case identity, shearX, shearY, translateX, translateY, rotate, brightness, color, contrast
    case sharpness, posterize, solarize, autocontrast, equalize

    /// Whether it goes in both directions.
    var isSigned: Bool {
      switch self {
      case .identity, .posterize, .solarize, .autocontrast, .equalize: false
      default: true
      }
    }
  }

  /// How far the operations go in a policy.
  struct Space: Equatable {
    var shear: Float
    /// Pixels.
    var translateX: Float
    var translateY: Float
    /// Degrees.
    var rotation: Float
    /// How far factors are from 1.
    var factor: Float
    /// Bits that `posterize` takes away.
    var bits: Float

    /// TrivialAugment's.
    static let wide = Space(
      shear: 0.99, translateX: 32, translateY: 32, rotation: 135, factor: 0.99, bits: 6)

    /// RandAugment's.
    static func narrow(_ shape: ImageShape) -> Space {
      Space(
        shear: 0.3, translateX: Float(150.0 / 331.0 * Double(shape.width)),
        translateY: Float(150.0 / 331.0 * Double(shape.height)), rotation: 30, factor: 0.9, bits: 4)
    }
  }

  /// - Parameters:
  ///   - bin: how strong, from 0 for no change to bins - 1.
  ///   - bins: 2 or more.
  ///   - isNegative: whether it goes in the other direction; it does nothing to what has none.
  init(_ kind: Kind, in space: Space, bin: Int, of bins: Int, isNegative: Bool) {
    /// `torch.linspace(start, end, bins)[bin]`, of 32 bits: the upper half is counted from the end, and
    /// a product is not rounded before it is added, as on every processor that PyTorch has vectors
    /// for. Of half of 32 pixels 15.999999 remains.
    func strength(_ start: Float, _ end: Float) -> Double {
      let step = Double((end - start) / Float(bins - 1))
      let value =
        bin < bins / 2
        ? Double(start) + step * Double(bin) : Double(end) - step * Double(bins - 1 - bin)
      return Double(Float(value))
    }
    func magnitude(_ most: Float) -> Double {
      isNegative ? -strength(0, most) : strength(0, most)
    }
    switch kind {
    case .identity: self = .identity
    case .shearX: self = .shearX(magnitude(space.shear))
    case .shearY: self = .shearY(magnitude(space.shear))
    case .translateX: self = .translateX(Int(magnitude(space.translateX)))
    case .translateY: self = .translateY(Int(magnitude(space.translateY)))
    case .rotate: self = .rotate(magnitude(space.rotation))
    case .brightness: self = .brightness(1 + magnitude(space.factor))
    case .color: self = .color(1 + magnitude(space.factor))
    case .contrast: self = .contrast(1 + magnitude(space.factor))
    case .sharpness: self = .sharpness(1 + magnitude(space.factor))
    case .posterize:
      let lost = Float(bin) / (Float(bins - 1) / space.bits)
      self = .posterize(Int((8 - lost).rounded(.toNearestOrEven)))
    case .solarize:
      self = .solarize(Float(255 * strength(1, 0)))
    case .autocontrast: self = .autocontrast
    case .equalize: self = .equalize
    }
  }

  /// One of all kinds, each as likely as the others, in either direction.
  static func draw(
    in space: Space, bins: Int, _ random: inout RandomSequence,
    bin: (inout RandomSequence) -> Int
  ) -> AutoAugmentOperation {
    let kind = Kind.allCases[random.below(Kind.allCases.count)]
    let bin = bin(&random)
    let isNegative = kind.isSigned && random.nextWord() & 1 == 1
    return AutoAugmentOperation(kind, in: space, bin: bin, of: bins, isNegative: isNegative)
  }
}
