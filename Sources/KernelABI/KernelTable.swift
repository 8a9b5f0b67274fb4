/// Every kernel of one instruction set: loops over floats, and nothing else.
///
/// Images are blocked: channels lie in groups of `lanes`, as (C/lanes, H, W, lanes). A group whose
/// channels do not fill it is padded with zeros. A *plane* is the (H, W, lanes) of one image and
/// one group. A *panel* is `panelLanes` channels, or columns of a matrix. Everything else is
/// dense and row-major. Pointers into blocked and packed data are aligned to a vector; counts of
/// elements may be any.
///
/// Nothing is read or written outside the shapes that are named here. Those of blocked and packed
/// data are whole: padded lanes, output groups that a panel lacks and tiles that a pack
/// lacks have memory, and kernels may read it.
public protocol KernelTable: Int16Kernels, Int8Kernels {
  /// What `CIFAR_ISA` calls it.
  var name: String { get }
  /// Floats in a vector.
  var lanes: Int { get }
  /// Channels of a panel, a whole number of vectors; columns of the tile that `multiplyPanel` works
  /// in.
  var panelLanes: Int { get }
  /// Rows of the tile that `multiplyPanel` works in.
  var tileRows: Int { get }

  // MARK: Layout

  /// One image from (C, pixels) to (C/lanes, pixels, lanes).
  func block(_ planar: Input, channels: Int, pixels: Int, to blocked: Output)

  /// One image from (C/lanes, pixels, lanes) to (C, pixels).
  func unblock(_ blocked: Input, channels: Int, pixels: Int, to planar: Output)

  /// Up to `lanes` columns of a matrix whose rows lie `stride` floats apart, to a plane of
  /// (rows, lanes); columns that lack are zero.
  func gatherColumns(_ source: Input, stride: Int, rows: Int, columns: Int, to plane: Output)

  /// The first `columns` lanes of a plane back into the matrix.
  func scatterColumns(_ plane: Input, to target: Output, stride: Int, rows: Int, columns: Int)

  // MARK: Storage

  /// Numbers from bfloat16; `count` is a multiple of `lanes`.
  func widen(_ values: UnsafePointer<BFloat16>, count: Int, to floats: Output)

  /// Numbers to bfloat16, rounded; `count` is a multiple of `lanes`.
  func narrow(_ floats: Input, count: Int, to values: UnsafeMutablePointer<BFloat16>)

  // MARK: Convolution

  /// Copies an image into a frame of zeros: (groups, height, width, lanes) to
  /// (groups, paddedHeight, paddedWidth, lanes), pixel (0, 0) at (offset, offset).
  func padImage(
    _ image: Input, groups: Int, height: Int, width: Int,
    to padded: Output, paddedHeight: Int, paddedWidth: Int, offset: Int)

  /// OIHW filters to (panels of output, input channels, k, k, panel). With `rotated`, the
  /// filters of the backward pass: inputs and outputs exchanged, rows and columns reversed; `shape`
  /// is the forward one still.
  func packFilters(_ shape: ConvolutionShape, _ filters: Input, to packed: Output, rotated: Bool)

  /// One image, direct: y[o] = bias[o] + Σ x[i] ⋆ w[o, i], then max(y, 0) if `relu`. `padded` has
  /// its frame of zeros, `bias` is nil or fills whole panels, `output` is (groups, H, W,
  /// lanes); only its rows `rows` are computed.
  func convolve(
    _ shape: ConvolutionShape, padded: Input, packed: Input, bias: Input?, relu: Bool,
    rows: Range<Int>, output: Output)

  /// One image of the input's gradient: dx[i] = Σ dy[o] ∗ w[o, i]. `padded` is the output's
  /// gradient, (groups, paddedGradientHeight, paddedGradientWidth, lanes), pixel (0, 0) at
  /// (gradientPadding, gradientPadding); `packed` are rotated filters. Only the rows `rows` of
  /// `output`, (groups, H, W, lanes), are computed.
  func convolveBackwardData(
    _ shape: ConvolutionShape, padded: Input, packed: Input, rows: Range<Int>, output: Output)

  /// Adds one image's part to the gradient of the filters between one input group and one
  /// panel of the output. `image` is the whole image without its frame, `gradient` the output's; `sum`
  /// is (k, k, lanes of input, panel).
  func addFilterGradient(
    _ shape: ConvolutionShape, inputGroup: Int, outputPanel: Int,
    image: Input, gradient: Input, sum: Output)

  /// The sums of `addFilterGradient`, (k, k, lanes, panel), to their place in OIHW filters.
  func unpackFilterGradient(
    _ shape: ConvolutionShape, _ sums: Input, inputGroup: Int, outputPanel: Int,
    to filters: Output)

  // MARK: Winograd convolution, 3×3 with a frame of one zero and 5×5 with one of two
  //
  // Transformed tiles come in packs, `packStride` floats
  // apart. Of the tiles that the last pack lacks one is zero if their number is odd, and the rest is
  // as it was.

  /// OIHW filters to (panels of output, 36 points, inputs, panel). With `rotated`, the filters of
  /// the backward pass, as in `packFilters`. Only what panel `panel` has of the inputs of one group
  /// is written.
  func winogradFilters(
    _ shape: ConvolutionShape, _ filters: Input, to transformed: Output, rotated: Bool,
    panel: Int, group: Int)

  /// Bᵀ·d·B of tiles, to packs of (groups, 36 points, 6 tiles, lanes).
  func winogradInput(
    _ tiling: WinogradTiling, _ area: WinogradTiles, to transformed: Output, packStride: Int)

  /// For each of the 36 points, (tiles × inputs) · (inputs × panel): `transformed` as
  /// `winogradInput` makes it, `filters` one panel of `winogradFilters`, `product`
  /// (packs, 36 points, 6 tiles, panel). Whole packs must have room.
  func winogradMultiply(
    _ transformed: Input, packStride: Int, tiles: Int, groups: Int, filters: Input,
    product: Output, prefetch: PrefetchRanges)

  /// Aᵀ·m·A·scale + bias of the tiles, then max(·, 0) if `relu`, to panel `panel` of a batch of (N,
  /// groups, H, W, lanes). `scales` has a number an image of the batch; nil for 1.
  func winogradOutput(
    _ tiling: WinogradTiling, _ product: Input, first: Int, count: Int, scales: Input?,
    bias: Input?,
    relu: Bool, to images: Values, groups: Int, panel: Int)

  /// D·dy·Dᵀ of tiles, to packs of (panels, 36 points, 6 tiles, panel).
  func winogradGradient(
    _ tiling: WinogradTiling, _ area: WinogradTiles, to transformed: Output, packStride: Int)

  /// For each point, sum[i, o] (+)= Σ_t x[t, i]·dy[t, o] over `tiles` tiles; `x` as `winogradInput`
  /// makes it, `dy` as `winogradGradient` does, `sums` (panels, groups, 36, lanes of input, panel), their
  /// points `Winograd.sumStride` apart.
  func winogradAccumulate(
    _ x: Input, xStride: Int, groups: Int, dy: Input, dyStride: Int, panels: Int, tiles: Int,
    sums: Output, accumulate: Bool, prefetch: PrefetchRanges)

  /// The sums of all points to filter gradients of one input group as `addFilterGradient` lays them
  /// out, (panels, k, k, lanes, panel): Cᵀ·s·C. `sums` are those of this group, its panels
  /// `panelStride` floats apart. What the last group and the last panel lack is not written. Added to what
  /// is there if `accumulate`.
  func winogradFilterGradient(
    _ shape: ConvolutionShape, _ sums: Input, panelStride: Int, group: Int, to filters: Output,
    accumulate: Bool)

  // MARK: Matrix product

  /// Packs up to `tile` lines of a matrix for `multiplyPanel`, as (depth, tile): missing lines are
  /// zero. Lines lie `lineStride` apart, the elements of a line `step`.
  func packPanel(
    _ source: Input, lineStride: Int, step: Int, lines: Int, tile: Int, depth: Int,
    to packed: Output)

  /// C = A·B, or C += A·B with `accumulate`, for one panel of at most `panelLanes` columns.
  /// `a` holds tiles of `tileRows` rows, `panelStride` floats apart; `b` is one packed panel.
  func multiplyPanel(
    rows: Int, columns: Int, depth: Int, a: Input, panelStride: Int, b: Input,
    c: Output, rowStride: Int, accumulate: Bool)

  /// C = A·B as `multiplyPanel`, where the depth is cut into groups: each is summed for itself, and the
  /// sums are added along a binary tree. `ends` are where the groups end, `groups` is a power of
  /// two.
  func multiplyPanelByGroups(
    rows: Int, columns: Int, ends: UnsafePointer<Int>, groups: Int, a: Input, panelStride: Int,
    b: Input, c: Output, rowStride: Int)

  /// C = A·Bᵀ, or C += A·Bᵀ with `accumulate`: each element is the product of a row of A and a row
  /// of B. Rows lie `aStride`, `bStride` and `cStride` floats apart; nothing is packed.
  func multiplyRows(
    rows: Int, columns: Int, depth: Int, a: Input, aStride: Int, b: Input, bStride: Int,
    c: Output, cStride: Int, accumulate: Bool)

  // MARK: Planes
  //
  // A plane that is of type `Values` may be stored in either way.

  /// Σ x of each lane of a plane.
  func planeSum(_ plane: Input, pixels: Int, sum: Output)

  /// Σ(x − shift) and Σ(x − shift)² of each lane of a plane, about a `shift` that the kernel takes
  /// from the plane: the mean of four of its pixels. It lies so near the mean that the variance
  /// keeps its digits, however large the mean is.
  func planeMoments(
    _ plane: Values, pixels: Int, shift: Output, sum: Output, squares: Output)

  /// z = scale·x + offset; output = max(z, 0) if `relu`, else z.
  func planeForward(
    _ plane: Values, pixels: Int, scale: Input, offset: Input, relu: Bool, output: Output)

  /// As `planeForward`, then the maximum of every 2×2 square. `choice` tells for each output which
  /// of the four it was (0…3, the first of equals), or 255 where the ReLU lets no gradient through;
  /// `chosen`, if asked for, is x there.
  func planeForwardPool(
    _ plane: Values, height: Int, width: Int, scale: Input, offset: Input, relu: Bool,
    output: Output, choice: UnsafeMutablePointer<UInt8>, chosen: Output?)

  /// Σ dz and Σ dz·(x − mean) of each lane, where dz is the gradient of z: that of the output
  /// where the ReLU let it through, else 0.
  func planeBackwardMoments(
    _ plane: Values, gradient: Input, pixels: Int, scale: Input, offset: Input, relu: Bool,
    mean: Input, sum: Output, products: Output)

  /// The same through a pool of `pixels` outputs, with its `choice` and `chosen`.
  func planeBackwardPoolMoments(
    _ chosen: Input, gradient: Input, choice: UnsafePointer<UInt8>, pixels: Int, mean: Input,
    sum: Output, products: Output)

  /// z = scale·x + offset; output = z·Φ(z), where Φ is the standard normal distribution.
  func planeGelu(_ plane: Values, pixels: Int, scale: Input, offset: Input, output: Output)

  /// gradient = gradient·(Φ(z) + z·φ(z)), in place: from that of the output to that of z.
  func planeGeluBackward(
    _ plane: Values, gradient: Output, pixels: Int, scale: Input, offset: Input)

  /// dx = scale·dz + slope·x + constant. `dx` may be `gradient`.
  func planeBackward(
    _ plane: Values, gradient: Input, pixels: Int, scale: Input, offset: Input, relu: Bool,
    slope: Input, constant: Input, dx: Output)

  /// The same through a pool.
  func planeBackwardPool(
    _ plane: Values, gradient: Input, choice: UnsafePointer<UInt8>, height: Int, width: Int,
    scale: Input, slope: Input, constant: Input, dx: Output)

  // MARK: Maxima and averages of planes

  /// The maximum of every rectangle of `rows` by `columns` pixels of a plane; those that the last
  /// lacks are left out. NaN is no maximum unless it comes first.
  func planeMaxPool(
    _ plane: Input, height: Int, width: Int, rows: Int, columns: Int, output: Output)

  /// The gradient to the first of the largest values of its rectangle, 0 to all others.
  func planeMaxPoolBackward(
    _ plane: Input, gradient: Input, height: Int, width: Int, rows: Int, columns: Int, dx: Output)

  /// The mean of each lane of a plane; the first `channels` of them are written, one after the
  /// other.
  func planeMean(_ plane: Input, pixels: Int, channels: Int, mean: Output)

  /// dx = gradient / pixels for each lane; `gradient` has `channels` values, the other lanes get 0.
  func planeMeanBackward(_ gradient: Input, pixels: Int, channels: Int, dx: Output)

  /// The mean of every 2×2 square of a plane; an odd last row or column is left out.
  func planeAveragePool(_ plane: Input, height: Int, width: Int, output: Output)

  /// A quarter of the gradient to each of the four; 0 to what was left out.
  func planeAveragePoolBackward(_ gradient: Input, height: Int, width: Int, dx: Output)

  // MARK: Rows and elements

  /// output = x·Φ(x), where Φ is the standard normal distribution.
  func gelu(_ x: Input, count: Int, output: Output)

  /// dx = gradient·(Φ(x) + x·φ(x)).
  func geluBackward(_ x: Input, gradient: Input, count: Int, dx: Output)

  /// sum = x + other, then max(sum, 0) if `relu`. Unless all are float32, `count` is a multiple of
  /// `lanes`.
  func add(_ x: Values, _ other: Values, count: Int, relu: Bool, sum: Values)

  /// x += bias, then max(x, 0) if `relu`, in place.
  func addBias(_ row: Output, count: Int, bias: Input, relu: Bool)

  /// gradient = 0 where the ReLU's output was 0, in place. Of an output in bfloat16, `count` is a
  /// multiple of `lanes`.
  func reluBackward(output: Values, count: Int, gradient: Output)

  /// sum += x.
  func accumulate(_ x: Input, count: Int, into sum: Output)

  /// The sum of `terms` vectors of `count` numbers, `stride` apart, added along a binary tree:
  /// ((0 + 1) + (2 + 3)) + …. `terms` is a power of two up to 64, `stride` and `count` are multiples
  /// of `lanes`; `sum` may be the first of them.
  func addPairwise(_ x: Input, stride: Int, terms: Int, count: Int, to sum: Output)

  /// Draws which elements stay (mask 1) and which go (mask 0), and applies it: x = x·mask·scale.
  func dropout(
    _ values: Output, count: Int, mask: UnsafeMutablePointer<UInt8>, draw: DropoutDraw,
    scale: Float)

  /// x = x·mask·scale, with a mask drawn before.
  func applyMask(_ values: Output, count: Int, mask: UnsafePointer<UInt8>, scale: Float)

  /// average += weight·(x − average).
  func moveToward(_ x: Input, weight: Float, count: Int, average: Output)

  /// Exchanges the values of a and b.
  func exchange(_ a: Output, _ b: Output, count: Int)

  /// output = scale·q, where q is x/scale, rounded to nearest, ties to even, and kept within `range`,
  /// whose ends are whole numbers. NaN stays.
  func quantize(
    _ x: Input, count: Int, scale: Float, range: ClosedRange<Float>, output: Output)

  // MARK: Loss

  /// The cross-entropy of the softmax of each row of logits, (rows, classes), with the targets
  /// t = (1 − smoothing)·onehot + smoothing / classes:
  ///
  ///     p = exp(z − max z) / Σ exp(z − max z);  loss = −s·Σ t·log p;  gradient = s·(p·Σ t − t) / divisor
  ///
  /// `scales`, (rows), has the s of each row; without, it is 1. `gradient`, if asked for, is
  /// (rows, classes). `divisor` is the number of rows that the mean loss is of. Returned are the sum of the losses, and the number of rows whose
  /// largest logit, the first of equals, is the label's.
  func crossEntropy(
    _ logits: Input, labels: UnsafePointer<Int32>, rows: Int, classes: Int, smoothing: Float,
    scales: Input?, divisor: Int, gradient: Output?
  ) -> (lossSum: Double, correct: Int)

  /// `crossEntropy` with two labels for each row, the first of which counts `share`, the second
  /// 1 − share; it is that of the targets
  ///
  ///     t = share·s·t₁ + (1 − share)·s₂·t₂
  ///
  /// with the t of `crossEntropy` for either label; `otherScales` has the s₂ of each row. A row is
  /// counted whose largest logit is that of the label with the larger share, the first of equals.
  func mixedCrossEntropy(
    _ logits: Input, labels: UnsafePointer<Int32>, otherLabels: UnsafePointer<Int32>, share: Float,
    rows: Int, classes: Int, smoothing: Float, scales: Input?, otherScales: Input?, divisor: Int,
    gradient: Output?
  ) -> (lossSum: Double, correct: Int)

  /// p of `crossEntropy`, (rows, classes).
  func softmax(_ logits: Input, rows: Int, classes: Int, probabilities: Output)

  /// log p of each row's label, finite where p itself is too small for a number.
  func logProbabilities(
    _ logits: Input, labels: UnsafePointer<Int32>, rows: Int, classes: Int,
    logarithms: UnsafeMutablePointer<Double>)

  // MARK: Optimizers

  /// Σ x², added up in an order that is the same in every instruction set.
  func squareSum(_ x: Input, count: Int) -> Double

  /// x = factor·x, in place.
  func scale(_ values: Output, count: Int, factor: Float)

  /// Each number into ± limit, in place. NaN stays.
  func clip(_ values: Output, count: Int, limit: Float)

  /// gradient = scale·gradient + penalty·weight, then weight = keep·weight, in place.
  func decay(
    count: Int, parameters: Output, gradients: Output, scale: Float, penalty: Float, keep: Float)

  /// One step of SGD over a run of parameters; `momenta` are nil for none, whose m is 0.
  func sgd(count: Int, parameters: Output, gradients: Input, momenta: Output?, step: SGDStep)

  /// One step of Adam over a run of parameters.
  func adam(
    count: Int, parameters: Output, gradients: Input, averages: Output, squares: Output,
    step: AdamStep)
}
