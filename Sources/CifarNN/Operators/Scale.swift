import CifarCore
import Kernels

/// y = factor·x, on images and on rows.
final class Scale: SingleLayer {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let factor: Float
  /// Parts of an image that are computed one at a time.
  private let parts: Int
  private let size: Int
  private let staging: StagingBuffers

  init(
    _ node: LayerNode, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    guard case .scale(let factor) = node.spec else {
      throw CifarError(.internal, "layer \(node.label) is no scale")
    }
    self.factor = Float(factor)
    self.input = input
    self.output = output
    self.context = context
    parts = Scale.parts(input.shape, context.kernels.lanes)
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
    let isImage = if case .image = input.shape { true } else { false }
    context.pool.forEach(pass.count * parts) { part, worker in
      guard isImage else {
        return multiply(input.values + part * size, to: output.values + part * size)
      }
      let x = staging.read(input.stored + part * size, count: size, worker: worker)
      staging.write(output.stored + part * size, count: size, worker: worker, buffer: 1) {
        multiply(x, to: $0)
      }
    }
  }

  /// dx = factor·dy
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    context.pool.forEach(pass.count * parts) { part, _ in
      multiply(gradient + part * size, to: inputGradient + part * size)
    }
  }

  private func multiply(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
    y.update(from: x, count: size)
    context.kernels.scale(y, count: size, factor: factor)
  }
}
