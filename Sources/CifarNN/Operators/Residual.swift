import CifarCore
import Kernels

/// Where a residual block's two ways part: forward both read the same values.
final class ResidualFork: Operator {
  private let input: Activation
  private let shortcut: Activation
  private let context: OperatorContext

  /// - Parameters:
  ///   - input: with the gradient of the way through the layers.
  ///   - shortcut: the same values, with a gradient of their own.
  init(input: Activation, shortcut: Activation, context: OperatorContext) {
    self.input = input
    self.shortcut = shortcut
    self.context = context
  }

  func forward(_ pass: Pass) {}

  /// dx = the gradients of both ways, added.
  func backward(_ pass: Pass) {
    guard let gradient = input.gradient, let other = shortcut.gradient else { return }
    context.pool.forEach(pass.count) { image, _ in
      context.kernels.accumulate(
        other + image * input.stride, count: input.stride, into: gradient + image * input.stride)
    }
  }
}

/// Where they meet again: y = layers + shortcut, then max(y, 0) where a ReLU follows.
final class ResidualSum: Operator {
  private let layers: Activation
  private let shortcut: Activation
  private let output: Activation
  private let relu: Bool
  private let context: OperatorContext
  private let staging: StagingBuffers

  /// - Parameter output: with the gradient of `layers`.
  init(
    layers: Activation, shortcut: Activation, output: Activation, relu: Bool,
    context: OperatorContext
  ) {
    self.layers = layers
    self.shortcut = shortcut
    self.output = output
    self.relu = relu
    self.context = context
    staging = StagingBuffers(size: output.stride, context: context)
  }

  static func scratch(_ output: ValueShape, _ target: PlanTarget) -> ScratchSize {
    StagingBuffers.scratch(
      3, size: Activation.stride(of: output, lanes: target.tiles.lanes), target)
  }

  func forward(_ pass: Pass) {
    let count = output.stride
    context.pool.forEach(pass.count) { image, worker in
      let first = image * count
      let a = staging.read(layers.stored + first, count: count, worker: worker, buffer: 0)
      let b = staging.read(shortcut.stored + first, count: count, worker: worker, buffer: 1)
      staging.write(output.stored + first, count: count, worker: worker, buffer: 2) {
        context.kernels.add(a, b, count: count, relu: relu, sum: $0)
      }
    }
  }

  /// The gradient goes both ways, where the ReLU lets it through.
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let other = shortcut.gradient else { return }
    let count = output.stride
    context.pool.forEach(pass.count) { image, worker in
      let dy = gradient + image * count
      if relu {
        context.kernels.reluBackward(
          output: staging.read(output.stored + image * count, count: count, worker: worker),
          count: count,
          gradient: dy)
      }
      (other + image * count).update(from: dy, count: count)
    }
  }
}
