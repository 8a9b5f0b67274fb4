import CifarCore
import Kernels

/// Batch normalisation → ReLU → 2×2 max-pool → dropout on images, each of them optional, in one
/// pass over memory.
///
/// What a layer needs for its backward pass is the input, for each pooled value a byte (which of
/// the four it was) and its input, and one byte a value that dropout may drop.
///
/// Between two convolutions it works on the images that they are at: the one before it has sums
/// taken of what it has just written, the one behind it has its images made just before it reads
/// them. Where that is cheap they are not even kept, but made again for the backward pass.
/// Gradients go the other way in the same manner. `PointwiseBlock+Convolutions` has this side of
/// it.
final class PointwiseBlock: Layer {
  struct Parts {
    var norm: BatchNormalization?
    var relu = false
    var pool = false
    var dropout: Dropout?
  }

  let input: Activation
  let output: Activation
  private let parts: Parts
  let context: LayerContext
  let groups: Int
  private let height: Int
  private let width: Int
  let outputPixels: Int
  /// (N, C/lanes, H/2, W/2, lanes)
  private let choice: AlignedBuffer<UInt8>
  /// What the pool chose before it was normalised, of the same shape: the moments of the backward
  /// pass need a quarter of the input, and this saves them from searching for it.
  let chosen: AlignedBuffer<Float>?
  /// (N, C/lanes, output pixels, lanes)
  private let mask: AlignedBuffer<UInt8>
  /// (N, C/lanes, 3, lanes): forward what `planeMoments` makes of a plane, backward two sums over
  /// its gradient.
  private let planeSums: AlignedBuffer<Float>
  /// (C/lanes, lanes): the scale, slope and constant of a block without normalisation.
  private let ones: AlignedBuffer<Float>
  private let zeros: AlignedBuffer<Float>
  private let desks: PlaneDesks
  /// Whether the layer before it calls `gatherStatistics` for all images.
  var isFed = false
  /// Whether the layer behind it asks for its images and calls `gatherGradient` for all of them.
  private let isDrawn: Bool
  /// Whether the images stay in `output`.
  let keepsImages: Bool
  /// Images that a worker has room for, where they are not kept.
  var roomImages = 0
  /// The same for the gradients of its input.
  var gradientRoomImages = 0
  private var pass = Pass(count: 0, training: false)

  /// Whether nothing is lost if the images are not kept.
  static func isCheap(_ parts: Parts) -> Bool { !parts.pool && parts.dropout == nil }

  /// - Parameters:
  ///   - isDrawn: whether a convolution that knows it follows.
  ///   - output: without memory if nobody else reads it and it `isCheap`.
  init(
    parts: Parts, input: Activation, output: Activation, isDrawn: Bool = false,
    context: LayerContext
  ) throws {
    guard case .image(let channels, let height, let width) = input.shape else {
      throw CifarError(.internal, "a pointwise block needs an image, not \(input.shape)")
    }
    self.parts = parts
    self.input = input
    self.output = output
    self.isDrawn = isDrawn
    keepsImages = output.isKept
    self.context = context
    self.height = height
    self.width = width
    let lanes = context.kernels.lanes
    groups = blocks(channels, of: lanes)
    outputPixels = parts.pool ? (height / 2) * (width / 2) : height * width
    let outputs = context.batchSize * output.stride
    choice = try AlignedBuffer(count: parts.pool ? outputs : 0)
    chosen =
      parts.pool && parts.norm != nil && context.training
      ? try AlignedBuffer(count: outputs, for: "the maxima of pooling") : nil
    mask = try AlignedBuffer(count: parts.dropout != nil && context.training ? outputs : 0)
    planeSums = try AlignedBuffer(
      count: parts.norm == nil ? 0 : context.batchSize * groups * 3 * lanes)
    ones = try AlignedBuffer(count: groups * lanes)
    ones.fill(1)
    zeros = try AlignedBuffer(count: groups * lanes)
    desks = PlaneDesks(1, size: outputPixels * lanes, context: context)
  }

  // MARK: Forward

  func forward(_ pass: Pass) {
    self.pass = pass
    if let norm = parts.norm {
      if pass.training {
        if !isFed {
          context.pool.forEach(pass.count * groups) { plane, _ in gatherStatistics(plane: plane) }
        }
        norm.useBatch(moments: { moments($0, pass.count) }, count: pass.count * height * width)
      } else {
        norm.useRunningStatistics()
      }
    }
    if !isDrawn { makeAll(pass.count, at: output.stored) }
  }

  func gatherStatistics(plane: Int) {
    if parts.norm == nil { return }
    let lanes = context.kernels.lanes
    let sums = sums(plane)
    context.kernels.planeMoments(
      values(plane), pixels: height * width, shift: sums, sum: sums + lanes,
      squares: sums + 2 * lanes)
  }

  /// - Parameter to: where the batch begins.
  func makeAll(_ count: Int, at to: Values) {
    let size = outputPixels * context.kernels.lanes
    context.pool.forEach(count * groups) { plane, worker in
      make(plane, at: to + plane * size, worker)
    }
  }

  func make(_ plane: Int, at place: Values, _ worker: Int) {
    let kernels = context.kernels
    let lanes = kernels.lanes
    let channel = plane % groups * lanes
    let scale = (parts.norm?.scale ?? ones).pointer + channel
    let offset = (parts.norm?.offset ?? zeros).pointer + channel
    let first = plane * outputPixels * lanes
    let from = values(plane)
    let to = desks.write(place, worker: worker)
    if parts.pool {
      kernels.planeForwardPool(
        from, height: height, width: width, scale: scale, offset: offset, relu: parts.relu,
        output: to, choice: choice.pointer + first, chosen: chosen.map { $0.pointer + first })
    } else {
      kernels.planeForward(
        from, pixels: height * width, scale: scale, offset: offset, relu: parts.relu, output: to)
    }
    let count = outputPixels * lanes
    if let dropout = parts.dropout, pass.training {
      kernels.dropout(
        to, count: count, mask: mask.pointer + first,
        draw: dropout.draw(pass, run: plane, of: count, lanes: lanes), scale: dropout.scale)
    }
    desks.keep(place, count: count, worker: worker)
  }

  // MARK: Backward

  func backward(_ pass: Pass) {
    if !isDrawn {
      context.pool.forEach(pass.count * groups) { plane, _ in gatherGradient(plane: plane) }
    }
    parts.norm?.useGradients(
      sums: { total($0, pass.count) }, count: pass.count * height * width)
    if !isFed, let gradient = input.gradient { makeGradients(pass.count, at: gradient) }
  }

  /// - Parameter to: where the batch begins.
  func makeGradients(_ count: Int, at to: UnsafeMutablePointer<Float>) {
    let size = height * width * context.kernels.lanes
    context.pool.forEach(count * groups) { plane, _ in
      makeGradient(plane, at: to + plane * size)
    }
  }

  func makeGradient(
    _ plane: Int, at dx: UnsafeMutablePointer<Float>
  ) {
    guard let gradients = output.gradient else { return }
    let kernels = context.kernels
    let lanes = kernels.lanes
    let channel = plane % groups * lanes
    let scale = (parts.norm?.scale ?? ones).pointer + channel
    let slope = (parts.norm?.slope ?? zeros).pointer + channel
    let constant = (parts.norm?.constant ?? zeros).pointer + channel
    let x = values(plane)
    let first = plane * outputPixels * lanes
    if parts.pool {
      kernels.planeBackwardPool(
        x, gradient: gradients + first, choice: choice.pointer + first, height: height,
        width: width, scale: scale, slope: slope, constant: constant, dx: dx)
    } else {
      kernels.planeBackward(
        x, gradient: gradients + first, pixels: height * width, scale: scale,
        offset: (parts.norm?.offset ?? zeros).pointer + channel, relu: parts.relu, slope: slope,
        constant: constant, dx: dx)
    }
  }

  /// Takes dropout out of the output's gradient, and its sums.
  func gatherGradient(plane: Int) {
    guard let gradients = output.gradient else { return }
    let kernels = context.kernels
    let lanes = kernels.lanes
    let first = plane * outputPixels * lanes
    let gradient = gradients + first
    if let dropout = parts.dropout {
      kernels.applyMask(
        gradient, count: outputPixels * lanes, mask: mask.pointer + first, scale: dropout.scale)
    }
    guard let norm = parts.norm else { return }
    let channel = plane % groups * lanes
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
        relu: parts.relu, mean: norm.mean.pointer + channel, sum: sums, products: sums + lanes)
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

  /// The moments of a channel over all images, added in the order of the images.
  private func moments(_ channel: Int, _ count: Int) -> ChannelMoments {
    let lanes = context.kernels.lanes
    let pixels = Double(height * width)
    let (group, lane) = channel.quotientAndRemainder(dividingBy: lanes)
    var moments = ChannelMoments(sums(group) + lane, lanes: lanes, pixels: pixels)
    for image in 1..<max(1, count) {
      moments.add(sums(image * groups + group) + lane, lanes: lanes, pixels: pixels)
    }
    return moments
  }

  /// The two sums over the gradient of a channel, added in the order of the images.
  private func total(_ channel: Int, _ count: Int) -> (Double, Double) {
    let lanes = context.kernels.lanes
    var first = 0.0
    var second = 0.0
    for image in 0..<count {
      let sums = sums(image * groups + channel / lanes) + channel % lanes
      first += Double(sums[0])
      second += Double(sums[lanes])
    }
    return (first, second)
  }
}
