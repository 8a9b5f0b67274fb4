import CifarCore
import Kernels

/// Blocked images, (N, C/lanes, H, W, lanes), to rows of (C·H·W), channels slowest.
final class Flatten: SingleLayer {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let channels: Int
  private let pixels: Int
  private let staging: StagingBuffers

  init(
    _: LayerNode, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    guard case .image(let channels, let height, let width) = input.shape else {
      throw CifarError(.internal, "flatten needs an image, not \(input.shape)")
    }
    self.input = input
    self.output = output
    self.context = context
    self.channels = channels
    pixels = height * width
    staging = StagingBuffers(size: input.stride, context: context)
  }

  static func scratch(_ node: LayerNode, _ target: PlanTarget) -> ScratchSize {
    StagingBuffers.scratch(
      1, size: Activation.stride(of: node.input, lanes: target.tiles.lanes), target)
  }

  func forward(_ pass: Pass) {
    context.pool.forEach(pass.count) { image, worker in
      context.kernels.unblock(
        staging.read(input.stored + image * input.stride, count: input.stride, worker: worker),
        channels: channels, pixels: pixels, to: output.values + image * output.stride)
    }
  }

  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    context.pool.forEach(pass.count) { image, _ in
      context.kernels.block(
        gradient + image * output.stride, channels: channels, pixels: pixels,
        to: inputGradient + image * input.stride)
    }
  }
}
