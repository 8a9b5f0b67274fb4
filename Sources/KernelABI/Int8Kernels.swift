/// The kernels of one instruction set for images that are stored as bytes, of `Storage.uint8` or `int8`.
/// What a byte stands for is its number times a step, which only those kernels know that make floats of
/// it. Each function has a counterpart with a similar name in `KernelTable` or `Int16Kernels`.
///
/// Winograd's transforms are exact here: with the points 0, ±1, ±2 and ∞ they are sums of small
/// multiples, and stay within int16 (`WinogradIntegers`).
public protocol Int8Kernels: Sendable {
  typealias Input = UnsafePointer<Float>
  typealias Output = UnsafeMutablePointer<Float>

  /// Bytes times their step. `count` is a multiple of `lanes`.
  func dequantize(_ values: Values, count: Int, to floats: Output)

  /// x/step, rounded to nearest, ties to even, and kept within the range of the bytes. `count` is a
  /// multiple of `lanes`. What is no number becomes any byte.
  func quantize(_ floats: Input, count: Int, to values: Values)

  /// As `block`, quantized: (channels, pixels) to bytes (groups, pixels, lanes).
  func blockQuantized(_ planar: Input, channels: Int, pixels: Int, to blocked: Values)

  /// As `winogradFiltersInt16`, of filters for `winogradInputInt8`. `scales` lack the step of the data.
  func winogradFiltersInt8(
    _ shape: ConvolutionShape, _ filters: Input, to transformed: UnsafeMutablePointer<Int16>,
    scales: Output, panel: Int, vector: Int, scratch: Output)

  /// Bᵀ·d·B of tiles of bytes, to (groups, 36 points, tiles, lanes), as `Int16Pairs.channels` has it.
  func winogradInputInt8(
    _ tiling: WinogradTiling, _ area: WinogradTiles, to transformed: UnsafeMutablePointer<Int16>,
    pointStride: Int)

  /// Aᵀ·m·A + bias of the tiles, then max(·, 0) if `relu`, then, if `pools`, the maximum of every 2×2
  /// square, to panel `panel` of a batch of (N, groups, H, W, lanes): H and W are half as large as the
  /// tiling's then, which are even. Bytes are rounded as `quantize` does it with a step of 1.
  func winogradOutputInt8(
    _ tiling: WinogradTiling, _ product: Input, first: Int, count: Int, bias: Input?, relu: Bool,
    pools: Bool, to images: Values, groups: Int, panel: Int)

  /// sum = (x + other)/step of the sum, then max(·, 0) if `relu`, rounded as `quantize` does it. Each of
  /// the three may be bytes or float32; `count` is a multiple of `lanes`.
  func addQuantized(_ x: Values, _ other: Values, count: Int, relu: Bool, sum: Values)
}

/// Winograd's F(4×4, 3×3) for data of 8 bits: as `Winograd`, at the points 0, ±1, ±2 and ∞.
///
/// Filters lose more by their rounding there than at the points which float32 uses, but the data lose
/// nothing: no number of Bᵀ·d·B is larger than 17,340 for bytes with or without a sign. So filters may
/// have one bit more than beside data that fill 16 bits.
public enum WinogradIntegers {
  /// What a transformed byte is at most: 68 times 255, or 100 times 128. The factors of a row of Bᵀ add up
  /// to 10 at most without their signs, and to 8 and 2 of either sign at most.
  public static let dataLimit = 17_340
  /// What the magnitudes of the filters in a sum of `Int16Products.sumInputs` add up to at most: the sum
  /// is less than 2³¹ then.
  public static let filterLimit: Float = 123_800
}
