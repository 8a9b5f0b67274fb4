import CifarCore
import Kernels

/// y = the mean of every 2×2 square of each channel.
final class AveragePool: SingleLayer {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let groups: Int
  private let height: Int
  private let width: Int
  private let staging: StagingBuffers

  init(
    _: LayerNode, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    guard case .image(let channels, let height, let width) = input.shape else {
      throw CifarError(.internal, "average pooling needs an image, not \(input.shape)")
    }
    self.input = input
    self.output = output
    self.context = context
    self.height = height
    self.width = width
    groups = blocks(channels, of: context.kernels.lanes)
    staging = StagingBuffers(size: height * width * context.kernels.lanes, context: context)
  }

  static func scratch(_ node: LayerNode, _ target: PlanTarget) -> ScratchSize {
    StagingBuffers.scratch(
      2, size: node.input.count / node.input.channels * target.tiles.lanes, target)
  }

  func forward(_ pass: Pass) {
    let (from, to) = (input.stride / groups, output.stride / groups)
    context.pool.forEach(pass.count * groups) { plane, worker in
      let x = staging.read(input.stored + plane * from, count: from, worker: worker)
      staging.write(output.stored + plane * to, count: to, worker: worker, buffer: 1) {
        context.kernels.planeAveragePool(x, height: height, width: width, output: $0)
      }
    }
  }

  /// dx = dy / 4 for each of the four.
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    context.pool.forEach(pass.count * groups) { plane, _ in
      context.kernels.planeAveragePoolBackward(
        gradient + plane * (output.stride / groups), height: height, width: width,
        dx: inputGradient + plane * (input.stride / groups))
    }
  }
}
