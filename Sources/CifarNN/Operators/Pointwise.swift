import CifarCore
import Kernels

/// Batch normalisation → ReLU → 2×2 max-pool → dropout on images, or batch normalisation → GELU →
/// dropout, each of them optional, in one pass over memory.
///
/// What a stage needs for its backward pass is the input, for each pooled value a byte (which of
/// the four it was) and its input, and one byte a value that dropout may drop.
///
/// Its work on single planes is here. Who asks for it, and when, is decided by `fuse`: the
/// convolutions before and after it (`Pointwise+Convolutions.swift`) or operators of its own
/// (`PointwiseOperators.swift`).
final class Pointwise {
  let norm: BatchNormalization?
  private let relu: Bool
  private let gelu: Bool
  private let pools: Bool
  private let dropout: Dropout?
  let input: Activation
  let output: Activation
  let context: OperatorContext
  let groups: Int
  private let height: Int
  private let width: Int
  let outputPixels: Int
  /// (N, C/lanes, H/2, W/2, lanes): which of the four was the maximum.
  private let choice: AlignedBuffer<UInt8>
  /// What the pool chose before it was normalised, of the same shape: the moments of the backward
  /// pass need a quarter of the input, and this saves them from searching for it.
  let chosen: AlignedBuffer<Float>?
  /// (N, C/lanes, output pixels, lanes)
  private let mask: AlignedBuffer<UInt8>
  /// (N, C/lanes, 3, lanes): forward what `planeMoments` makes of a plane, backward two sums over
  /// its gradient.
  private let planeSums: AlignedBuffer<Float>
  /// (C/lanes, lanes): the scale, slope and constant of a stage without normalisation.
  private let ones: AlignedBuffer<Float>
  private let zeros: AlignedBuffer<Float>
  private let staging: StagingBuffers

  init(
    _ group: PointwiseGroup, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    guard case .image(let channels, let height, let width) = input.shape else {
      throw CifarError(.internal, "a pointwise stage needs an image, not \(input.shape)")
    }
    relu = group.relu != nil
    gelu = group.gelu != nil
    pools = group.pool != nil
    norm = try group.norm.map { try BatchNormalization($0, context: context) }
    dropout = group.dropout.flatMap { Dropout($0) }
    self.input = input
    self.output = output
    self.context = context
    self.height = height
    self.width = width
    let lanes = context.kernels.lanes
    groups = blocks(channels, of: lanes)
    outputPixels = pools ? (height / 2) * (width / 2) : height * width
    let saved = Pointwise.saved(group, context.target)
    let images = context.batchSize
    choice = try AlignedBuffer(count: images * saved.choices, for: "the argmax masks of pooling")
    chosen =
      saved.maxima > 0
      ? try AlignedBuffer(count: images * saved.maxima, for: "the maxima of pooling") : nil
    mask = try AlignedBuffer(count: images * saved.mask, for: "the masks of dropout")
    planeSums = try AlignedBuffer(count: images * saved.sums)
    ones = try AlignedBuffer(count: groups * lanes)
    ones.fill(1)
    zeros = try AlignedBuffer(count: groups * lanes)
    staging = StagingBuffers(
      size: Pointwise.stagingSize(group, context.target), context: context)
  }

  static func scratch(_ group: PointwiseGroup, _ target: PlanTarget) -> ScratchSize {
    StagingBuffers.scratch(
      target.mode == .quantized ? 2 : 1, size: stagingSize(group, target), target)
  }

  /// A plane of the output; of a quantized model also one of the input, which no kernel reads as bytes.
  private static func stagingSize(_ group: PointwiseGroup, _ target: PlanTarget) -> Int {
    let shape = target.mode == .quantized ? group.input : group.output
    return shape.count / shape.channels * target.tiles.lanes
  }

  /// What an image needs from the forward to the backward pass, in numbers.
  private static func saved(
    _ group: PointwiseGroup, _ target: PlanTarget
  ) -> (choices: Int, maxima: Int, mask: Int, sums: Int) {
    let lanes = target.tiles.lanes
    let outputs = Activation.stride(of: group.output, lanes: lanes)
    let pools = group.pool != nil
    return (
      choices: pools ? outputs : 0,
      maxima: pools && group.norm != nil && target.training ? outputs : 0,
      mask: group.dropout != nil && target.training ? outputs : 0,
      sums: group.norm == nil ? 0 : blocks(group.input.channels, of: lanes) * 3 * lanes
    )
  }

  /// The same in bytes.
  static func savedBytes(_ group: PointwiseGroup, _ target: PlanTarget) -> Int {
    let saved = saved(group, target)
    return saved.choices + saved.mask + 4 * (saved.maxima + saved.sums)
  }

  // MARK: Forward

  /// The moments of one plane of the input.
  func takeMoments(plane: Int) {
    guard let norm, norm.usesBatch else { return }
    let lanes = context.kernels.lanes
    let sums = sums(plane)
    context.kernels.planeMoments(
      values(plane), pixels: height * width, shift: sums, sum: sums + lanes,
      squares: sums + 2 * lanes)
  }

  /// Scale and offset of the pass, from the moments of all planes or the running statistics.
  func finishMoments(_ pass: Pass) {
    guard let norm else { return }
    if pass.training, norm.usesBatch {
      norm.useBatch(pass) { moments($0, pass.images[$1]) }
    } else {
      norm.useRunningStatistics()
    }
  }

  /// The output of all images.
  ///
  /// - Parameter to: where the batch begins.
  func computeAll(_ pass: Pass, to: Values) {
    let size = outputPixels * context.kernels.lanes
    context.pool.forEach(pass.count * groups) { plane, worker in
      compute(plane, pass, to: to + plane * size, worker)
    }
  }

  /// One plane of the output.
  func compute(_ plane: Int, _ pass: Pass, to place: Values, _ worker: Int) {
    let kernels = context.kernels
    let lanes = kernels.lanes
    let channel = plane % groups * lanes
    let scale = (norm?.scale ?? ones).pointer + channel
    let offset = (norm?.offset ?? zeros).pointer + channel
    let first = plane * outputPixels * lanes
    let inputs = values(plane)
    let from =
      inputs.storage.isBytes
      ? Values(staging.read(inputs, count: height * width * lanes, worker: worker, buffer: 1))
      : inputs
    let count = outputPixels * lanes
    staging.write(place, count: count, worker: worker) { to in
      if pools {
        kernels.planeForwardPool(
          from, height: height, width: width, scale: scale, offset: offset,
          relu: relu, output: to, choice: choice.pointer + first,
          chosen: chosen.map { $0.pointer + first })
      } else if gelu {
        kernels.planeGelu(
          from, pixels: height * width, scale: scale, offset: offset, output: to)
      } else {
        kernels.planeForward(
          from, pixels: height * width, scale: scale, offset: offset, relu: relu, output: to)
      }
      if let dropout, pass.training {
        kernels.dropout(
          to, count: count, mask: mask.pointer + first,
          draw: dropout.draw(
            pass, run: pass.images.first * groups + plane, of: count, lanes: lanes),
          scale: dropout.scale)
      }
    }
  }

  // MARK: Backward

  /// Takes dropout and GELU out of one plane of the output's gradient, and sums over it.
  func takeGradientSums(plane: Int) {
    guard let gradients = output.gradient else { return }
    let kernels = context.kernels
    let lanes = kernels.lanes
    let first = plane * outputPixels * lanes
    let gradient = gradients + first
    if let dropout {
      kernels.applyMask(
        gradient, count: outputPixels * lanes, mask: mask.pointer + first, scale: dropout.scale)
    }
    let channel = plane % groups * lanes
    if gelu {
      kernels.planeGeluBackward(
        values(plane), gradient: gradient, pixels: height * width,
        scale: (norm?.scale ?? ones).pointer + channel,
        offset: (norm?.offset ?? zeros).pointer + channel)
    }
    guard let norm, norm.usesBatch else { return }
    let sums = sums(plane)
    if let chosen {
      kernels.planeBackwardPoolMoments(
        chosen.pointer + first, gradient: gradient, choice: choice.pointer + first,
        pixels: outputPixels, mean: norm.mean.pointer + channel, sum: sums,
        products: sums + lanes)
    } else {
      kernels.planeBackwardMoments(
        values(plane), gradient: gradient, pixels: height * width,
        scale: norm.scale.pointer + channel, offset: norm.offset.pointer + channel,
        relu: relu, mean: norm.mean.pointer + channel, sum: sums,
        products: sums + lanes)
    }
  }

  /// Slope and constant of the pass, and the gradients of batch norm's parameters.
  func finishGradientSums(_ pass: Pass) {
    norm?.useGradients(pass, pixels: height * width) { total($0, pass.images[$1]) }
  }

  /// The gradient of the input for all images.
  ///
  /// - Parameter to: where the batch begins.
  func computeGradients(_ count: Int, to: UnsafeMutablePointer<Float>) {
    let size = height * width * context.kernels.lanes
    context.pool.forEach(count * groups) { plane, _ in
      computeGradient(plane, to: to + plane * size)
    }
  }

  /// One plane of the input's gradient.
  func computeGradient(_ plane: Int, to dx: UnsafeMutablePointer<Float>) {
    guard let gradients = output.gradient else { return }
    let kernels = context.kernels
    let lanes = kernels.lanes
    let channel = plane % groups * lanes
    let scale = (norm?.scale ?? ones).pointer + channel
    let slope = (norm?.slope ?? zeros).pointer + channel
    let constant = (norm?.constant ?? zeros).pointer + channel
    let x = values(plane)
    let first = plane * outputPixels * lanes
    if pools {
      kernels.planeBackwardPool(
        x, gradient: gradients + first, choice: choice.pointer + first, height: height,
        width: width, scale: scale, slope: slope, constant: constant, dx: dx)
    } else {
      kernels.planeBackward(
        x, gradient: gradients + first, pixels: height * width, scale: scale,
        offset: (norm?.offset ?? zeros).pointer + channel, relu: relu, slope: slope,
        constant: constant, dx: dx)
    }
  }

  // MARK: Planes

  var inputLayout: ImageLayout {
    ImageLayout(groups: groups, plane: height * width * context.kernels.lanes)
  }

  var outputLayout: ImageLayout {
    ImageLayout(groups: groups, plane: outputPixels * context.kernels.lanes)
  }

  /// A plane of the input.
  private func values(_ plane: Int) -> Values {
    input.stored + plane * height * width * context.kernels.lanes
  }

  private func sums(_ plane: Int) -> UnsafeMutablePointer<Float> {
    planeSums.pointer + plane * 3 * context.kernels.lanes
  }

  /// The moments of a channel over some images, added in their order.
  private func moments(_ channel: Int, _ images: Range<Int>) -> ChannelMoments {
    let lanes = context.kernels.lanes
    let pixels = Double(height * width)
    let (group, lane) = channel.quotientAndRemainder(dividingBy: lanes)
    var moments = ChannelMoments()
    for image in images {
      moments.add(sums(image * groups + group) + lane, lanes: lanes, pixels: pixels)
    }
    return moments
  }

  /// The two sums over the gradient of a channel in some images, added in their order.
  private func total(_ channel: Int, _ images: Range<Int>) -> ChannelGradients {
    let lanes = context.kernels.lanes
    var total = ChannelGradients()
    for image in images {
      let sums = sums(image * groups + channel / lanes) + channel % lanes
      total.sum += Double(sums[0])
      total.products += Double(sums[lanes])
    }
    return total
  }
}
