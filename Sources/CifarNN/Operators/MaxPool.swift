import CifarCore
import Kernels

/// y = the maximum of every square of each channel; squares of 2×2 are part of a pointwise stage.
final class MaxPool: SingleLayer {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let groups: Int
  private let height: Int
  private let width: Int
  private let side: Int
  private let staging: StagingBuffers

  init(
    _ node: LayerNode, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    guard case .image(let channels, let height, let width) = input.shape,
      case .maxPool(let side) = node.spec
    else { throw CifarError(.internal, "layer \(node.label) is no max-pool of an image") }
    self.input = input
    self.output = output
    self.context = context
    self.height = height
    self.width = width
    self.side = side
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
        context.kernels.planeMaxPool(
          x, height: height, width: width, rows: side, columns: side, output: $0)
      }
    }
  }

  /// dx = dy where the maximum was, else 0.
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    let (from, to) = (input.stride / groups, output.stride / groups)
    context.pool.forEach(pass.count * groups) { plane, worker in
      context.kernels.planeMaxPoolBackward(
        staging.read(input.stored + plane * from, count: from, worker: worker),
        gradient: gradient + plane * to, height: height, width: width, rows: side, columns: side,
        dx: inputGradient + plane * from)
    }
  }
}
