import CifarCore
import Kernels

/// Where a residual block's two ways part: forward both read the same values.
final class ResidualFork: Operator {
  private let input: Activation
  private let shortcut: Activation
  private let context: OperatorContext
  private let isEpilogue: Bool

  /// - Parameters:
  ///   - input: with the gradient of the way through the layers.
  ///   - shortcut: the same values, with a gradient of their own.
  ///   - isEpilogue: whether a convolution asks for the way back of each image.
  init(input: Activation, shortcut: Activation, isEpilogue: Bool, context: OperatorContext) {
    self.input = input
    self.shortcut = shortcut
    self.isEpilogue = isEpilogue
    self.context = context
  }

  func forward(_ pass: Pass) {}

  /// dx = the gradients of both ways, added.
  func backward(_ pass: Pass) {
    if isEpilogue { return }
    consume(batch: pass.count, context.pool)
  }
}

extension ResidualFork: ImageConsumer {
  func consume(_ images: Range<Int>, worker: Int) {
    guard let gradient = input.gradient, let other = shortcut.gradient else { return }
    let first = images.lowerBound * input.stride
    context.kernels.accumulate(
      other + first, count: images.count * input.stride, into: gradient + first)
  }

  func prefetchRanges(_ images: Range<Int>) -> Region? {
    shortcut.gradient.map {
      ImageLayout(groups: 1, plane: input.stride).region(images, groups: 0..<1, of: Values($0))
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
  private let isEpilogue: Bool
  private let context: OperatorContext
  /// What the work is cut into: an image's planes, or its row of values.
  private let parts: Int
  private let partSize: Int

  /// - Parameters:
  ///   - output: with the gradient that computed terms and the identity share.
  ///   - isEpilogue: as in `ResidualFork`.
  init(
    layers: Term, shortcut: Term, output: Activation, relu: Bool, isEpilogue: Bool,
    context: OperatorContext
  ) {
    self.layers = layers
    self.shortcut = shortcut
    self.output = output
    self.relu = relu
    self.isEpilogue = isEpilogue
    self.context = context
    parts = ResidualSum.parts(output.shape, context.target)
    partSize = output.stride / parts
  }

  static func scratch(_ group: ResidualGroup, _ target: PlanTarget) -> ScratchSize {
    let shape = group.node.output
    let size =
      Activation.stride(of: shape, lanes: target.tiles.lanes) / parts(shape, target)
    return ScratchSize(worker: group.ends.count * size)
  }

  private static func parts(_ shape: ValueShape, _ target: PlanTarget) -> Int {
    guard case .image(let channels, _, _) = shape else { return 1 }
    return blocks(channels, of: target.tiles.lanes)
  }

  func forward(_ pass: Pass) {
    context.pool.forEach(pass.count * parts) { part, worker in
      let first = values(layers, part, pass, worker, number: 0)
      let second = values(shortcut, part, pass, worker, number: layers.stage == nil ? 0 : 1)
      let sum = output.stored + part * partSize
      if first.storage.isBytes || second.storage.isBytes || sum.storage.isBytes {
        context.kernels.addQuantized(first, second, count: partSize, relu: relu, sum: sum)
      } else {
        context.kernels.add(first, second, count: partSize, relu: relu, sum: sum)
      }
    }
  }

  /// - Parameter number: of the term, among those that are computed.
  private func values(_ term: Term, _ part: Int, _ pass: Pass, _ worker: Int, number: Int) -> Values
  {
    guard let stage = term.stage else { return term.values.stored + part * partSize }
    let place = Values(context.scratch.pointer(worker: worker) + number * partSize)
    stage.compute(part, pass, to: place, worker)
    return place
  }

  /// The gradient goes both ways, where the ReLU lets it through.
  func backward(_ pass: Pass) {
    if isEpilogue { return }
    context.pool.forEach(pass.count * parts) { part, _ in backward(part: part) }
  }

  private func backward(part: Int) {
    guard let gradient = output.gradient else { return }
    let dy = gradient + part * partSize
    if relu {
      context.kernels.reluBackward(
        output: output.stored + part * partSize, count: partSize, gradient: dy)
    }
    handOut(dy, part, to: layers)
    handOut(dy, part, to: shortcut)
  }

  private func handOut(_ dy: UnsafePointer<Float>, _ part: Int, to term: Term) {
    if let stage = term.stage {
      stage.takeGradientSums(plane: part)
    } else if let gradient = term.values.gradient, gradient != output.gradient {
      (gradient + part * partSize).update(from: dy, count: partSize)
    }
  }
}

extension ResidualSum: ImageConsumer {
  func consume(_ images: Range<Int>, worker: Int) {
    for part in (images.lowerBound * parts)..<(images.upperBound * parts) { backward(part: part) }
  }

  func prefetchRanges(_ images: Range<Int>) -> Region? { nil }
}
