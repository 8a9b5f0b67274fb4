/// The kernels of one instruction set with factors of 16 bits. Each has a counterpart with the same name
/// in `KernelTable`, or makes what one of them reads; `Int16Products` says what is rounded to what.
public protocol Int16Kernels: Sendable {
  typealias Input = UnsafePointer<Float>
  typealias Output = UnsafeMutablePointer<Float>

  // MARK: Convolution
  //
  // What makes int16 of an image measures it
  // first, and returns what takes its scale back.

  /// As `padImage`, to int16 of at most `limit`. Bytes stay as they are: their scale is 1.
  func int16Frame(
    _ image: Values, groups: Int, height: Int, width: Int, limit: Float,
    to padded: UnsafeMutablePointer<Int16>, paddedHeight: Int, paddedWidth: Int, offset: Int
  ) -> Float

  /// Filters as in `packFilters`, to (panels of output, input groups, k, k, pairs of the group's
  /// channels, panel, 2). `scales`, (panels, panel), becomes what takes those of the output channels
  /// back.
  func packFiltersInt16(
    _ shape: ConvolutionShape, _ filters: Input, to packed: UnsafeMutablePointer<Int16>,
    scales: Output, rotated: Bool)

  /// As `convolve`. `imageScale` takes back the scale of the image. Bytes of the output are rounded to a
  /// step of 1.
  func convolveInt16(
    _ shape: ConvolutionShape, padded: UnsafePointer<Int16>, imageScale: Float,
    packed: UnsafePointer<Int16>, scales: Input, bias: Input?, relu: Bool, rows: Range<Int>,
    output: Values)

  /// As `convolveBackwardData`.
  func convolveBackwardDataInt16(
    _ shape: ConvolutionShape, padded: UnsafePointer<Int16>, imageScale: Float,
    packed: UnsafePointer<Int16>, scales: Input, rows: Range<Int>, output: Output)

  /// One plane of an image for `addFilterGradientInt16`: (k, H, outputWidth / 2, lanes, 2) of at most
  /// `Int16Products.imageLimit`. At column kx of the filter a pair is what two neighbours of the output
  /// read. Rows that no filter reads are left out.
  func pixelPairs(
    _ shape: ConvolutionShape, _ plane: Values, to pairs: UnsafeMutablePointer<Int16>
  ) -> Float

  /// One panel of an output's gradient for `addFilterGradientInt16`: (outputHeight, outputWidth / 2,
  /// panel, 2) of at most `Int16Products.gradientLimit`; `second` is nil where the panel has one group.
  func gradientPairs(
    _ shape: ConvolutionShape, first: Input, second: Input?, to pairs: UnsafeMutablePointer<Int16>
  ) -> Float

  /// As `addFilterGradient`, of the first `channels` lanes of an input group. `scale` takes those of
  /// both factors back.
  func addFilterGradientInt16(
    _ shape: ConvolutionShape, channels: Int, image: UnsafePointer<Int16>,
    gradient: UnsafePointer<Int16>, scale: Float, sum: Output)

  // MARK: Winograd convolution
  //
  // `tiling` has tiles in pairs, counts and
  // ranges of tiles are even. The numbers of a point are together, those of one point and plane
  // `pointStride` after those of the one before; `scales` has a number an image of the batch.

  /// max |x|; NaN if there is one. `count` is a multiple of `lanes`.
  func largestMagnitude(_ values: Values, count: Int) -> Float

  /// Filters as in `winogradFilters`, for `lanes` outputs, the `vector`th of a panel, to (panels of
  /// output, 36 points, inputs / 2, panel, 2). `scales`, (panels, 36, panel), becomes what takes their
  /// scale and the data's bounds back. `scratch` has room for 36 points of all inputs, a vector each.
  func winogradFiltersInt16(
    _ shape: ConvolutionShape, _ filters: Input, to transformed: UnsafeMutablePointer<Int16>,
    scales: Output, rotated: Bool, panel: Int, vector: Int, scratch: Output)

  /// Bᵀ·d·B of tiles, times the scale of their image over the bound of the point, in one of the two
  /// layouts of `Int16Pairs`.
  func winogradInputInt16(
    _ tiling: WinogradTiling, _ area: WinogradTiles, scales: Input, pairs: Int16Pairs,
    to transformed: UnsafeMutablePointer<Int16>, pointStride: Int)

  /// As `winogradMultiply`, of tiles with pairs of channels. `scales` are those of one panel of
  /// filters; the product lacks only the scales of the images, which `winogradOutput` applies.
  func winogradMultiplyInt16(
    _ transformed: UnsafePointer<Int16>, pointStride: Int, tiles: Int, groups: Int,
    filters: UnsafePointer<Int16>, scales: Input, product: Output, prefetch: PrefetchRanges)

  /// D·dy·Dᵀ of tiles, times scale over bound, to (panels, 36 points, tiles / 2, panel, 2).
  func winogradGradientInt16(
    _ tiling: WinogradTiling, _ area: WinogradTiles, scales: Input,
    to transformed: UnsafeMutablePointer<Int16>, pointStride: Int)

  /// As `winogradAccumulate`, of pairs of tiles. `tiles` are those that `x` and `dy` hold, `scales`
  /// take back the scales of both in an image; those of one scale are added up together.
  func winogradAccumulateInt16(
    _ x: UnsafePointer<Int16>, xStride: Int, groups: Int, dy: UnsafePointer<Int16>, dyStride: Int,
    panels: Int, tiles: Range<Int>, tiling: WinogradTiling, scales: Input, sums: Output,
    accumulate: Bool, prefetch: PrefetchRanges)

  // MARK: Matrix product
  //
  // Rows of int16 hold `depth` numbers, a multiple of `Int16Products.rowMultiple`; what a row of
  // floats lacks is zero. Every instruction set gives the same bits.

  /// row·factors to int16, after a multiplication by limit / max |row·factors|. `factors` are nil for
  /// ones. Returned is what takes the scale back; NaN if a number is no number.
  func int16Row(
    _ row: Input, count: Int, factors: Input?, limit: Float,
    to rounded: UnsafeMutablePointer<Int16>,
    depth: Int
  ) -> Float

  /// C = A·Bᵀ, times `aScales` of the row and `bScales` of the column: each element is the product of
  /// a row of A and a row of B. Rows of C lie `cStride` floats apart.
  func multiplyRowsInt16(
    rows: Int, columns: Int, depth: Int, a: UnsafePointer<Int16>, aScales: Input,
    b: UnsafePointer<Int16>, bScales: Input, c: Output, cStride: Int)

  /// Packs up to `panelLanes` columns of `rows` rows, `stride` apart, for `multiplyPanelInt16`, as
  /// (blocks(rows, of: 2), panel, 2): two rows in pairs. What lacks is zero.
  func packPairs(
    _ source: UnsafePointer<Int16>, stride: Int, rows: Int, columns: Int,
    to packed: UnsafeMutablePointer<Int16>)

  /// C = A·B times `scales` of the row, or C += that with `accumulate`, for one panel of at most
  /// `panelLanes` columns. Rows of A lie `aStride` apart and are `pairs` pairs deep; `b` is one packed
  /// panel.
  func multiplyPanelInt16(
    rows: Int, columns: Int, pairs: Int, a: UnsafePointer<Int16>, aStride: Int, scales: Input,
    b: UnsafePointer<Int16>, c: Output, rowStride: Int, accumulate: Bool)
}
