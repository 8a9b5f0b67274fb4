import CifarCore
import Kernels

/// y = x·Φ(x) on rows; on images it is part of a pointwise stage.
final class Gelu: SingleLayer {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext

  init(_: LayerNode, input: Activation, output: Activation, context: OperatorContext) {
    self.input = input
    self.output = output
    self.context = context
  }

  static func scratch(_: LayerNode, _: PlanTarget) -> ScratchSize { ScratchSize() }

  func forward(_ pass: Pass) {
    let size = input.stride
    context.pool.forEach(pass.count) { row, _ in
      context.kernels.gelu(
        input.values + row * size, count: size, output: output.values + row * size)
    }
  }

  /// dx = dy·(Φ(x) + x·φ(x))
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    let size = input.stride
    context.pool.forEach(pass.count) { row, _ in
      context.kernels.geluBackward(
        input.values + row * size, gradient: gradient + row * size, count: size,
        dx: inputGradient + row * size)
    }
  }
}
