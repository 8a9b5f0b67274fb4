/// Products with factors of 16 bits: x·y ≈ (X·Y)/(s·t), where X = round(s·x) and Y = round(t·y) are
/// int16 and their products are summed as int32.
///
/// The scales s and t are as large as lets no sum overflow, whatever the numbers are. Sums of
/// integers are exact: every instruction set makes the same of the same factors.
///
/// In Winograd's space:
///
/// - The data of an image have one scale, limit / (max |d| · bound of the point). Where the bounds
///   come from: no point of Bᵀ·d·B is larger than the largest |d| times the sum of the magnitudes of
///   its row of B, once for each side. So the scale is known before the first tile is transformed,
///   and depends on nothing but the image.
/// - Filters have a scale for each point and output channel, such that the magnitudes of `sumInputs`
///   of them add up to at most 2¹⁶ − 2. The data being at most 2¹⁵ − 2, a sum of as many products is
///   less than 2³¹; then it is added to the others in float32.
/// - The gradient of the filters sums over tiles, at most `sumTiles` as int32. Both factors are data,
///   and share the bits. See `FilterGradientScale`.
///
/// In dense layers and the rest of the convolutions nothing is transformed, so that 13 bits are enough
/// for the numbers of an image and 12 for the weights of an output: 64 products fit into an int32.
public enum Int16Products {
  /// What the data of a convolution are at most.
  public static let dataLimit: Float = 32766
  /// What the magnitudes of the filters in a sum add up to at most.
  public static let filterLimit: Float = 65534
  /// Input channels whose products are added up as int32.
  public static let sumInputs = 64

  /// What the numbers of an image and the weights of an output are at most outside of Winograd's
  /// space, and how many of their products are added up as int32: 2⁶·2¹³·2¹² = 2³¹.
  public static let plainLimit: Float = 8190
  public static let weightLimit: Float = 4094
  public static let sumProducts = 64
  /// What the numbers of a row of a matrix are padded to a multiple of.
  public static let rowMultiple = 32

  /// Tiles whose products are added up as int32: eight instructions of two each.
  public static let sumTiles = 16
  /// What images and gradients are at most in the gradient of the filters: 2⁴·2¹³·2¹⁴ = 2³¹.
  public static let imageLimit: Float = 8190
  public static let gradientLimit: Float = 16382

  /// How large Bᵀ·d is at most at a point of one side, for |d| ≤ 1.
  @inlinable
  public static func inputBound(_ point: Int) -> Float {
    point == 0 || point == 5 ? 4.5 : point <= 2 ? 5.1213204 : 3.6213204
  }

  /// The same of D·dy, of 4 or of 2 outputs.
  @inlinable
  public static func gradientBound(_ point: Int, outputTile: Int) -> Float {
    if point == 0 || point == 5 { return 1 }
    if outputTile == 2 { return point <= 2 ? 1.7071068 : 2.4142136 }
    return point <= 2 ? 2.5606602 : 7.2426407
  }
}

/// What the numbers of each image are multiplied by before they become int16.
public struct ImageScale: Equatable, Sendable {
  /// limit / max |x|
  public let scale: Float
  /// What takes it back.
  public let inverse: Float

  /// Of numbers that are whole already.
  public static let one = ImageScale(largest: 1, limit: 1)

  /// - Parameter largest: the largest magnitude in the image. NaN and infinity come through, as NaN.
  public init(largest: Float, limit: Float) {
    // An image of zeros has a scale as well.
    let bounded = largest < 1e-30 ? 1e-30 : largest
    scale = limit / bounded
    inverse = bounded / limit
  }
}

/// What an image's gradients are multiplied by in the gradient of the filters.
///
/// What takes this scale and the image's back is a power of four: images of about one size then have the
/// same, and their products are added up as int32. It depends on nothing but the image, and costs the
/// gradients one bit on average and two at most; they have one more than the images.
public struct FilterGradientScale: Equatable, Sendable {
  public let scale: Float
  public let inverseOfBoth: Float

  /// - Parameters:
  ///   - largest: the largest magnitude of the gradients. NaN and infinity come through, as NaN.
  ///   - images: the scale of the image itself.
  public init(largest: Float, images: ImageScale) {
    let alone = ImageScale(largest: largest, limit: Int16Products.gradientLimit)
    inverseOfBoth = FilterGradientScale.powerOfFour(atLeast: images.inverse * alone.inverse)
    scale = images.inverse / inverseOfBoth
  }

  /// - Parameter number: not negative. A power of four as large as a smaller one stays normal.
  private static func powerOfFour(atLeast number: Float) -> Float {
    guard number.isFinite else { return number }
    let number = max(number, .leastNormalMagnitude)
    let exponent = number.exponentBitPattern + (number.significandBitPattern == 0 ? 0 : 1)
    // Exponents of powers of four are even, and with their bias odd.
    return Float(sign: .plus, exponentBitPattern: exponent | 1, significandBitPattern: 0)
  }
}

/// Which numbers an instruction multiplies at a time, and so lie beside each other.
public enum Int16Pairs: Sendable {
  /// (groups, 36 points, tiles, lanes): two channels of a tile, for sums over the channels.
  case channels
  /// (groups, 36 points, tiles / 2, lanes, 2): a channel of two tiles, for sums over the tiles.
  case tiles
}
