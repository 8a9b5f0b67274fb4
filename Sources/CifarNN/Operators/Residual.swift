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
  /// One of the two that are added.
  struct Term {
    let values: Activation
    /// What computes them; nil where they are stored.
    let stage: Pointwise?

    init(_ values: Activation, _ stage: Pointwise?) {
      self.values = values
      self.stage = stage
    }
  }

  private let layers: Term
  private let shortcut: Term
  private let output: Activation
  private let relu: Bool
  private let context: OperatorContext
  /// What the work is cut into: an image's planes, or its row of values.
  private let parts: Int
  private let partSize: Int
  private let staging: StagingBuffers

  /// - Parameter output: with the gradient that computed terms and the identity share.
  init(
    layers: Term, shortcut: Term, output: Activation, relu: Bool, context: OperatorContext
  ) {
    self.layers = layers
    self.shortcut = shortcut
    self.output = output
    self.relu = relu
    self.context = context
    parts = ResidualSum.parts(output.shape, context.target)
    partSize = output.stride / parts
    staging = StagingBuffers(size: partSize, context: context)
  }

  static func scratch(_ group: ResidualGroup, _ target: PlanTarget) -> ScratchSize {
    let shape = group.node.output
    let size =
      Activation.stride(of: shape, lanes: target.tiles.lanes) / parts(shape, target)
    return StagingBuffers.scratch(3, size: size, target)
      .union(ScratchSize(worker: group.ends.count * size))
  }

  private static func parts(_ shape: ValueShape, _ target: PlanTarget) -> Int {
    guard case .image(let channels, _, _) = shape else { return 1 }
    return blocks(channels, of: target.tiles.lanes)
  }

  func forward(_ pass: Pass) {
    context.pool.forEach(pass.count * parts) { part, worker in
      let first = read(layers, part, pass, worker, buffer: 0)
      let second = read(shortcut, part, pass, worker, buffer: 1)
      staging.write(
        output.stored + part * partSize, count: partSize, worker: worker, buffer: 2
      ) {
        context.kernels.add(first, second, count: partSize, relu: relu, sum: $0)
      }
    }
  }

  private func read(_ term: Term, _ part: Int, _ pass: Pass, _ worker: Int, buffer: Int)
    -> UnsafePointer<Float>
  {
    guard let stage = term.stage else {
      return staging.read(
        term.values.stored + part * partSize, count: partSize, worker: worker, buffer: buffer)
    }
    let place =
      context.scratch.pointer(worker: worker) + (layers.stage == nil ? 0 : buffer * partSize)
    stage.compute(part, pass, to: Values(place), worker)
    return UnsafePointer(place)
  }

  /// The gradient goes both ways, where the ReLU lets it through.
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient else { return }
    context.pool.forEach(pass.count * parts) { part, worker in
      let dy = gradient + part * partSize
      if relu {
        context.kernels.reluBackward(
          output: staging.read(output.stored + part * partSize, count: partSize, worker: worker),
          count: partSize, gradient: dy)
      }
      handOut(dy, part, to: layers)
      handOut(dy, part, to: shortcut)
    }
  }

  private func handOut(_ dy: UnsafePointer<Float>, _ part: Int, to term: Term) {
    if let stage = term.stage {
      stage.takeGradientSums(plane: part)
    } else if let gradient = term.values.gradient, gradient != output.gradient {
      (gradient + part * partSize).update(from: dy, count: partSize)
    }
  }
}
