import CifarCore
import Kernels

/// y = the mean of every 2×2 square of each channel.
final class AveragePool: Layer {
  private let input: Activation
  private let output: Activation
  private let context: LayerContext
  private let groups: Int
  private let height: Int
  private let width: Int

  init(input: Activation, output: Activation, context: LayerContext) throws {
    guard case .image(let channels, let height, let width) = input.shape else {
      throw CifarError(.internal, "average pooling needs an image, not \(input.shape)")
    }
    self.input = input
    self.output = output
    self.context = context
    self.height = height
    self.width = width
    groups = blocks(channels, of: context.kernels.lanes)
  }

  func forward(_ pass: Pass) {
    context.pool.forEach(pass.count * groups) { plane, _ in
      context.kernels.planeAveragePool(
        input.values + plane * (input.stride / groups), height: height, width: width,
        output: output.values + plane * (output.stride / groups))
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
