import CifarCore
import Kernels

/// y[n, c] = the mean of x[n, c] over all pixels: blocked images to rows of (C).
final class GlobalAveragePool: SingleLayer {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let channels: Int
  private let groups: Int
  private let pixels: Int
  private let staging: StagingBuffers

  init(
    _: LayerNode, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    guard case .image(let channels, let height, let width) = input.shape else {
      throw CifarError(.internal, "global average pooling needs an image, not \(input.shape)")
    }
    self.input = input
    self.output = output
    self.context = context
    self.channels = channels
    groups = blocks(channels, of: context.kernels.lanes)
    pixels = height * width
    staging = StagingBuffers(size: pixels * context.kernels.lanes, context: context)
  }

  static func scratch(_ node: LayerNode, _ target: PlanTarget) -> ScratchSize {
    StagingBuffers.scratch(
      1, size: node.input.count / node.input.channels * target.tiles.lanes, target)
  }

  func forward(_ pass: Pass) {
    let size = pixels * context.kernels.lanes
    forEachPlane(pass) { plane, row, count, worker in
      context.kernels.planeMean(
        staging.read(input.stored + plane, count: size, worker: worker), pixels: pixels,
        channels: count,
        mean: output.values + row)
    }
  }

  /// dx = dy / pixels for each of them.
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    forEachPlane(pass) { plane, row, count, _ in
      context.kernels.planeMeanBackward(
        gradient + row, pixels: pixels, channels: count, dx: inputGradient + plane)
    }
  }

  /// Calls `body` with the places of a plane and of its first channel in the rows, and the number of
  /// channels in it.
  private func forEachPlane(
    _ pass: Pass, _ body: (_ plane: Int, _ row: Int, _ channels: Int, _ worker: Int) -> Void
  ) {
    let lanes = context.kernels.lanes
    context.pool.forEach(pass.count * groups) { index, worker in
      let (image, group) = index.quotientAndRemainder(dividingBy: groups)
      body(
        index * pixels * lanes, image * channels + group * lanes,
        min(lanes, channels - group * lanes), worker)
    }
  }
}
