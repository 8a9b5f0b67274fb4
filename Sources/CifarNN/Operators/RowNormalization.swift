import CifarCore
import Kernels

/// Batch normalisation of rows, (N, F): each feature over the batch.
///
/// A vector of features is gathered into a plane of N pixels, and from there on it is what the batch
/// normalisation of an image does.
final class RowNormalization: SingleLayer {
  private let norm: BatchNormalization
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let features: Int
  private let groups: Int
  /// (groups of images, F/lanes, 3, lanes): forward what `planeMoments` makes of a plane, backward
  /// two sums over its gradient.
  private let planeSums: AlignedBuffer<Float>

  init(
    _ node: LayerNode, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    norm = try BatchNormalization(node, context: context)
    self.input = input
    self.output = output
    self.context = context
    features = input.shape.count
    let lanes = context.kernels.lanes
    groups = blocks(features, of: lanes)
    planeSums = try AlignedBuffer(count: BatchPartition.groups * groups * 3 * lanes)
  }

  var parameters: [String] { norm.parameters }
  var sumsOverPeers: Bool { true }

  static func scratch(_: LayerNode, _ target: PlanTarget) -> ScratchSize {
    ScratchSize(worker: 2 * target.batchSize * target.tiles.lanes)
  }

  func forward(_ pass: Pass) {
    let kernels = context.kernels
    if pass.training, norm.usesBatch {
      let lanes = kernels.lanes
      forEachGroup { group, _, worker in
        let plane = Values(gather(input.values, group, pass.count, worker, 0))
        forEachPart(pass.images) { part, rows in
          let sums = self.sums(group, part)
          kernels.planeMoments(
            plane + rows.lowerBound * lanes, pixels: rows.count, shift: sums, sum: sums + lanes,
            squares: sums + 2 * lanes)
        }
      }
      norm.useBatch(pass) { channel, part in
        var moments = ChannelMoments()
        let rows = pass.images[part].count
        guard rows > 0 else { return moments }
        moments.add(
          sums(channel / lanes, part) + channel % lanes, lanes: lanes, pixels: Double(rows))
        return moments
      }
    } else {
      norm.useRunningStatistics()
    }
    forEachGroup { group, channel, worker in
      let plane = gather(input.values, group, pass.count, worker, 0)
      kernels.planeForward(
        Values(plane), pixels: pass.count, scale: norm.scale.pointer + channel,
        offset: norm.offset.pointer + channel, relu: false, output: plane)
      scatter(plane, to: output.values, group, pass.count)
    }
  }

  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    let kernels = context.kernels
    if norm.usesBatch {
      forEachGroup { group, channel, worker in
        let x = Values(gather(input.values, group, pass.count, worker, 0))
        let dy = gather(gradient, group, pass.count, worker, 1)
        forEachPart(pass.images) { part, rows in
          let (sums, first) = (self.sums(group, part), rows.lowerBound * kernels.lanes)
          kernels.planeBackwardMoments(
            x + first, gradient: dy + first, pixels: rows.count,
            scale: norm.scale.pointer + channel, offset: norm.offset.pointer + channel,
            relu: false, mean: norm.mean.pointer + channel, sum: sums,
            products: sums + kernels.lanes)
        }
      }
    }
    norm.useGradients(pass, pixels: 1) { channel, part in
      guard !pass.images[part].isEmpty else { return ChannelGradients() }
      let sums = sums(channel / kernels.lanes, part) + channel % kernels.lanes
      return ChannelGradients(sum: Double(sums[0]), products: Double(sums[kernels.lanes]))
    }
    forEachGroup { group, channel, worker in
      let dy = gather(gradient, group, pass.count, worker, 1)
      kernels.planeBackward(
        Values(gather(input.values, group, pass.count, worker, 0)), gradient: dy,
        pixels: pass.count,
        scale: norm.scale.pointer + channel, offset: norm.offset.pointer + channel, relu: false,
        slope: norm.slope.pointer + channel, constant: norm.constant.pointer + channel, dx: dy)
      scatter(dy, to: inputGradient, group, pass.count)
    }
  }

  private func forEachGroup(_ body: (_ group: Int, _ channel: Int, _ worker: Int) -> Void) {
    context.pool.forEach(groups) { group, worker in
      body(group, group * context.kernels.lanes, worker)
    }
  }

  /// - Parameter body: is given a group of the batch and its rows, unless it has none.
  private func forEachPart(_ batch: BatchPartition, _ body: (_ part: Int, Range<Int>) -> Void) {
    for part in 0..<batch.groupCount where !batch[part].isEmpty { body(part, batch[part]) }
  }

  /// - Parameter part: a group of the batch.
  private func sums(_ group: Int, _ part: Int) -> UnsafeMutablePointer<Float> {
    planeSums.pointer + (part * groups + group) * 3 * context.kernels.lanes
  }

  /// A group of features as a plane, (N, lanes), in one of the worker's two places.
  private func gather(
    _ rows: UnsafePointer<Float>, _ group: Int, _ count: Int, _ worker: Int, _ place: Int
  ) -> UnsafeMutablePointer<Float> {
    let lanes = context.kernels.lanes
    let plane = context.scratch.pointer(worker: worker) + place * context.batchSize * lanes
    context.kernels.gatherColumns(
      rows + group * lanes, stride: features, rows: count,
      columns: min(lanes, features - group * lanes), to: plane)
    return plane
  }

  private func scatter(
    _ plane: UnsafePointer<Float>, to rows: UnsafeMutablePointer<Float>, _ group: Int,
    _ count: Int
  ) {
    let lanes = context.kernels.lanes
    context.kernels.scatterColumns(
      plane, to: rows + group * lanes, stride: features, rows: count,
      columns: min(lanes, features - group * lanes))
  }
}
