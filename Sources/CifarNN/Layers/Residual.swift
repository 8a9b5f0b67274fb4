import CifarCore
import Kernels

/// Where a residual block's two ways part: forward both read the same values.
final class ResidualFork: Layer {
  private let input: Activation
  private let shortcut: Activation
  private let context: LayerContext

  /// - Parameters:
  ///   - input: with the gradient of the way through the layers.
  ///   - shortcut: the same values, with a gradient of their own.
  init(input: Activation, shortcut: Activation, context: LayerContext) {
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
final class ResidualSum: Layer {
  private let layers: Activation
  private let shortcut: Activation
  private let output: Activation
  private let relu: Bool
  private let context: LayerContext
  private let desks: PlaneDesks

  /// - Parameter output: with the gradient of `layers`.
  init(
    layers: Activation, shortcut: Activation, output: Activation, relu: Bool,
    context: LayerContext
  ) {
    self.layers = layers
    self.shortcut = shortcut
    self.output = output
    self.relu = relu
    self.context = context
    desks = PlaneDesks(3, size: output.stride, context: context)
  }

  func forward(_ pass: Pass) {
    let count = output.stride
    context.pool.forEach(pass.count) { image, worker in
      let first = image * count
      context.kernels.add(
        desks.read(layers.stored + first, count: count, worker: worker, desk: 0),
        desks.read(shortcut.stored + first, count: count, worker: worker, desk: 1), count: count,
        relu: relu, sum: desks.write(output.stored + first, worker: worker, desk: 2))
      desks.keep(output.stored + first, count: count, worker: worker, desk: 2)
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
          output: desks.read(output.stored + image * count, count: count, worker: worker),
          count: count,
          gradient: dy)
      }
      (other + image * count).update(from: dy, count: count)
    }
  }
}
