import CifarCore
import Kernels

/// Batch normalisation → ReLU → 2×2 max-pool → dropout on images, each of them optional, in one
/// pass over memory.
///
/// What a layer needs for its backward pass is the input, one byte a pooled value (which of the
/// four it was) and one byte a value that dropout may drop.
final class PointwiseBlock: Layer {
  struct Parts {
    var norm: BatchNormalization?
    var relu = false
    var pool = false
    var dropout: Dropout?
  }

  private let input: Activation
  private let output: Activation
  private let parts: Parts
  private let context: LayerContext
  private let groups: Int
  private let height: Int
  private let width: Int
  private let outputPixels: Int
  /// (N, C/lanes, H/2, W/2, lanes)
  private let choice: AlignedBuffer<UInt8>
  /// (N, C/lanes, output pixels, lanes)
  private let mask: AlignedBuffer<UInt8>
  /// (N, C/lanes, 2, lanes): two sums over a plane.
  private let planeSums: AlignedBuffer<Float>
  /// (C/lanes, lanes): the scale, slope and constant of a block without normalisation.
  private let ones: AlignedBuffer<Float>
  private let zeros: AlignedBuffer<Float>
  private let desks: PlaneDesks

  init(parts: Parts, input: Activation, output: Activation, context: LayerContext) throws {
    guard case .image(let channels, let height, let width) = input.shape else {
      throw CifarError(.internal, "a pointwise block needs an image, not \(input.shape)")
    }
    self.parts = parts
    self.input = input
    self.output = output
    self.context = context
    self.height = height
    self.width = width
    let lanes = context.kernels.lanes
    groups = blocks(channels, of: lanes)
    outputPixels = parts.pool ? (height / 2) * (width / 2) : height * width
    let outputs = context.batchSize * output.stride
    choice = AlignedBuffer(count: parts.pool ? outputs : 0)
    mask = AlignedBuffer(count: parts.dropout != nil && context.training ? outputs : 0)
    planeSums = AlignedBuffer(count: parts.norm == nil ? 0 : context.batchSize * groups * 2 * lanes)
    ones = AlignedBuffer(count: groups * lanes)
    ones.fill(1)
    zeros = AlignedBuffer(count: groups * lanes)
    desks = PlaneDesks(2, size: height * width * lanes, context: context)
  }

  func forward(_ pass: Pass) {
    if let norm = parts.norm {
      if pass.training { gatherStatistics(norm, pass.count) } else { norm.useRunningStatistics() }
    }
    let kernels = context.kernels
    let lanes = kernels.lanes
    let scale = (parts.norm?.scale ?? ones).pointer
    let offset = (parts.norm?.offset ?? zeros).pointer
    let plane = outputPixels * lanes
    context.pool.forEach(pass.count * groups) { index, worker in
      let channel = index % groups * lanes
      let from = values(index, worker)
      let to = desks.write(output.stored + index * plane, worker: worker, desk: 1)
      if parts.pool {
        kernels.planeForwardPool(
          from, height: height, width: width, scale: scale + channel, offset: offset + channel,
          relu: parts.relu, output: to, choice: choice.pointer + index * plane)
      } else {
        kernels.planeForward(
          from, pixels: height * width, scale: scale + channel, offset: offset + channel,
          relu: parts.relu, output: to)
      }
      if let dropout = parts.dropout, pass.training {
        kernels.dropout(
          to, count: plane, mask: mask.pointer + index * plane,
          draw: dropout.draw(pass, run: index, of: plane, lanes: lanes), scale: dropout.scale)
      }
      desks.keep(output.stored + index * plane, count: plane, worker: worker, desk: 1)
    }
  }

  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    let kernels = context.kernels
    let lanes = kernels.lanes
    let plane = outputPixels * lanes
    let scale = (parts.norm?.scale ?? ones).pointer
    let offset = (parts.norm?.offset ?? zeros).pointer
    context.pool.forEach(pass.count * groups) { index, worker in
      let channel = index % groups * lanes
      if let dropout = parts.dropout {
        kernels.applyMask(
          gradient + index * plane, count: plane, mask: mask.pointer + index * plane,
          scale: dropout.scale)
      }
      guard let norm = parts.norm else { return }
      let x = values(index, worker)
      let sums = planeSums.pointer + index * 2 * lanes
      if parts.pool {
        kernels.planeBackwardPoolMoments(
          x, gradient: gradient + index * plane, choice: choice.pointer + index * plane,
          height: height, width: width, mean: norm.mean.pointer + channel,
          sum: sums, products: sums + lanes)
      } else {
        kernels.planeBackwardMoments(
          x, gradient: gradient + index * plane, pixels: height * width, scale: scale + channel,
          offset: offset + channel, relu: parts.relu, mean: norm.mean.pointer + channel,
          sum: sums, products: sums + lanes)
      }
    }
    parts.norm?.useGradients(
      sums: { total($0, pass.count) }, count: pass.count * height * width)
    let slope = (parts.norm?.slope ?? zeros).pointer
    let constant = (parts.norm?.constant ?? zeros).pointer
    context.pool.forEach(pass.count * groups) { index, worker in
      let channel = index % groups * lanes
      let x = values(index, worker)
      let dx = inputGradient + index * height * width * lanes
      if parts.pool {
        kernels.planeBackwardPool(
          x, gradient: gradient + index * plane, choice: choice.pointer + index * plane,
          height: height, width: width, scale: scale + channel, slope: slope + channel,
          constant: constant + channel, dx: dx)
      } else {
        kernels.planeBackward(
          x, gradient: gradient + index * plane, pixels: height * width, scale: scale + channel,
          offset: offset + channel, relu: parts.relu, slope: slope + channel,
          constant: constant + channel, dx: dx)
      }
    }
  }

  /// A plane of the input.
  private func values(_ plane: Int, _ worker: Int) -> UnsafePointer<Float> {
    let count = height * width * context.kernels.lanes
    return desks.read(input.stored + plane * count, count: count, worker: worker)
  }

  private func gatherStatistics(_ norm: BatchNormalization, _ count: Int) {
    let kernels = context.kernels
    let lanes = kernels.lanes
    norm.beginBatch()
    context.pool.forEach(count * groups) { index, worker in
      let sums = planeSums.pointer + index * 2 * lanes
      kernels.planeMoments(
        values(index, worker), pixels: height * width,
        shift: norm.shift.pointer + index % groups * lanes, sum: sums, squares: sums + lanes)
    }
    norm.useBatch(sums: { total($0, count) }, count: count * height * width)
  }

  /// The two sums of a channel over all images, added in the order of the images.
  private func total(_ channel: Int, _ count: Int) -> (Double, Double) {
    let lanes = context.kernels.lanes
    var first = 0.0
    var second = 0.0
    for image in 0..<count {
      let sums =
        planeSums.pointer + (image * groups + channel / lanes) * 2 * lanes + channel % lanes
      first += Double(sums[0])
      second += Double(sums[lanes])
    }
    return (first, second)
  }
}
