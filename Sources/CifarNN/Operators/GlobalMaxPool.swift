import CifarCore
import Kernels

/// y[n, c] = the maximum of x[n, c] over all pixels: blocked images to rows of (C).
final class GlobalMaxPool: SingleLayer {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let channels: Int
  private let groups: Int
  private let height: Int
  private let width: Int
  private let staging: StagingBuffers

  init(
    _: LayerNode, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    guard case .image(let channels, let height, let width) = input.shape else {
      throw CifarError(.internal, "global max pooling needs an image, not \(input.shape)")
    }
    self.input = input
    self.output = output
    self.context = context
    self.channels = channels
    self.height = height
    self.width = width
    groups = blocks(channels, of: context.kernels.lanes)
    staging = StagingBuffers(size: height * width * context.kernels.lanes, context: context)
  }

  /// One pixel of all groups, (C/lanes, 1, lanes), and a plane.
  static func scratch(_ node: LayerNode, _ target: PlanTarget) -> ScratchSize {
    let lanes = target.tiles.lanes
    return StagingBuffers.scratch(
      1, size: node.input.count / node.input.channels * lanes, target
    ).union(ScratchSize(worker: blocks(node.input.channels, of: lanes) * lanes))
  }

  func forward(_ pass: Pass) {
    let size = input.stride / groups
    let (kernels, lanes) = (context.kernels, context.kernels.lanes)
    context.pool.forEach(pass.count) { image, worker in
      let maxima = context.scratch.pointer(worker: worker)
      for group in 0..<groups {
        let plane = input.stored + (image * groups + group) * size
        kernels.planeMaxPool(
          staging.read(plane, count: size, worker: worker), height: height, width: width,
          rows: height, columns: width, output: maxima + group * lanes)
      }
      kernels.unblock(
        maxima, channels: channels, pixels: 1, to: output.values + image * channels)
    }
  }

  /// dx = dy where the maximum was, else 0.
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    let size = input.stride / groups
    let (kernels, lanes) = (context.kernels, context.kernels.lanes)
    context.pool.forEach(pass.count) { image, worker in
      let dy = context.scratch.pointer(worker: worker)
      kernels.block(gradient + image * channels, channels: channels, pixels: 1, to: dy)
      for group in 0..<groups {
        let plane = (image * groups + group) * size
        kernels.planeMaxPoolBackward(
          staging.read(input.stored + plane, count: size, worker: worker),
          gradient: dy + group * lanes, height: height, width: width, rows: height,
          columns: width, dx: inputGradient + plane)
      }
    }
  }
}
