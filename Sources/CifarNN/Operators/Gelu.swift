import CifarCore
import Kernels

/// y = x·Φ(x), on images and on rows.
final class Gelu: SingleLayer {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  /// Parts of an image that are computed one at a time.
  private let parts: Int
  private let size: Int
  private let staging: StagingBuffers

  init(_: LayerNode, input: Activation, output: Activation, context: OperatorContext) {
    self.input = input
    self.output = output
    self.context = context
    parts = Gelu.parts(input.shape, context.kernels.lanes)
    size = input.stride / parts
    staging = StagingBuffers(size: size, context: context)
  }

  /// Channel groups of an image; a row is one part.
  private static func parts(_ input: ValueShape, _ lanes: Int) -> Int {
    guard case .image(let channels, _, _) = input else { return 1 }
    return blocks(channels, of: lanes)
  }

  static func scratch(_ node: LayerNode, _ target: PlanTarget) -> ScratchSize {
    let input = node.input
    guard case .image = input else { return ScratchSize() }
    let lanes = target.tiles.lanes
    return StagingBuffers.scratch(
      2, size: Activation.stride(of: input, lanes: lanes) / parts(input, lanes), target)
  }

  func forward(_ pass: Pass) {
    context.pool.forEach(pass.count * parts) { part, worker in
      let x = staging.read(input.stored + part * size, count: size, worker: worker)
      staging.write(output.stored + part * size, count: size, worker: worker, buffer: 1) {
        context.kernels.gelu(x, count: size, output: $0)
      }
    }
  }

  /// dx = dy·(Φ(x) + x·φ(x))
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    context.pool.forEach(pass.count * parts) { part, worker in
      let x = staging.read(input.stored + part * size, count: size, worker: worker)
      context.kernels.geluBackward(
        x, gradient: gradient + part * size, count: size, dx: inputGradient + part * size)
    }
  }
}
