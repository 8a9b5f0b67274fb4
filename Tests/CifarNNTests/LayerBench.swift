import CheckpointFormat
import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// One operator on its own, with plain arrays in and out: images (N, C, H, W), rows (N, F).
final class LayerBench {
  let network: Network
  let context: OperatorContext
  /// The groups of the model, for the group under test.
  let groups: [Group]
  let input: Activation
  let output: Activation
  let pass: Pass
  private let images: Int
  private let gradients: [AlignedBuffer<Float>]

  /// - Parameters:
  ///   - layers: the model up to the layer; it may begin with a flatten.
  ///   - first: where in `layers` the layer under test begins.
  init(
    _ layers: [LayerSpec], first: Int = 0, from image: [Int], images: Int, set: InstructionSet,
    dialect: Dialect = .pytorch, threads: Int = 2, training: Bool = true,
    convolution: ConvolutionChoice = .auto, products: Products = .float32
  ) throws {
    let spec = ModelSpec(input: image, layers: layers + [.flatten, .dense(units: 2)])
    let shapes = try spec.shapes()
    let lanes = set.kernels.lanes
    network = try Network(spec: spec, dialect: dialect, seed: 3)
    let target = PlanTarget(
      mode: training ? .training : .inference, batchSize: images, threads: threads,
      products: products, convolution: convolution, tiles: KernelTiles(set.kernels))
    let nodes = try network.spec.nodes()
    groups = fuse(nodes, target.mode)
    let plan = try MemoryPlan(groups, input: nodes[0].input, target: target)
    context = OperatorContext(
      network: network, kernels: set.kernels, pool: ThreadPool(threads: threads),
      scratch: try Scratch(plan.scratch, threads: threads), target: target)
    gradients = try [shapes[first], shapes[layers.count]].map {
      try AlignedBuffer(count: Activation.stride(of: $0, lanes: lanes) * images)
    }
    input = try Activation(
      shape: shapes[first], lanes: lanes, batchSize: images, gradient: gradients[0])
    output = try Activation(
      shape: shapes[layers.count], lanes: lanes, batchSize: images, gradient: gradients[1])
    pass = Pass(count: images, training: training, seed: 11, step: 5)
    self.images = images
  }

  /// Random weights in place of the initial ones, so that none of them is 0 or 1.
  func setParameter(_ name: String, _ values: [Float]) throws {
    let target = try network.pointer(name)
    for (i, value) in values.enumerated() { target[i] = value }
    network.weightsChanged()
  }

  func parameter(_ name: String) throws -> [Float] { try tensor(name, network.stateTensors()) }

  func gradient(_ name: String) throws -> [Float] { try tensor(name, network.gradientTensors()) }

  private func tensor(_ name: String, _ tensors: [Tensor]) throws -> [Float] {
    guard let tensor = tensors.first(where: { $0.name == name }) else {
      throw CifarError(.internal, "no tensor '\(name)'")
    }
    return tensor.values
  }

  func forward(_ layer: any Operator, _ x: [Float]) -> [Float] {
    write(x, to: input.values, input.shape)
    layer.forward(pass)
    return read(output.values, output.shape)
  }

  /// The input's gradient. To be called after `forward`.
  func backward(_ layer: any Operator, _ dy: [Float]) -> [Float] {
    write(dy, to: gradients[1].pointer, output.shape)
    layer.backward(pass)
    return read(gradients[0].pointer, input.shape)
  }

  private func write(_ values: [Float], to target: UnsafeMutablePointer<Float>, _ shape: ValueShape)
  {
    var values = values
    if case .image(let channels, let height, let width) = shape {
      values = BlockedLayout.block(
        values, images: images, channels: channels, pixels: height * width,
        lanes: context.kernels.lanes)
    }
    for (i, value) in values.enumerated() { target[i] = value }
  }

  private func read(_ source: UnsafePointer<Float>, _ shape: ValueShape) -> [Float] {
    let count = Activation.stride(of: shape, lanes: context.kernels.lanes) * images
    let values = Array(UnsafeBufferPointer(start: source, count: count))
    guard case .image(let channels, let height, let width) = shape else { return values }
    return BlockedLayout.unblock(
      values, images: images, channels: channels, pixels: height * width,
      lanes: context.kernels.lanes)
  }
}

/// A pointwise stage that no convolution has a part in.
final class WholeStage: Operator {
  private let operators: [any Operator]

  init(_ bench: LayerBench) throws {
    for case .pointwiseOutput(let group) in bench.groups {
      let stage = try Pointwise(
        group, input: bench.input, output: bench.output, context: bench.context)
      operators = [
        PointwiseInput(stage, hasMoments: false), PointwiseStatistics(stage),
        PointwiseOutput(stage),
      ]
      return
    }
    throw CifarError(.internal, "no pointwise stage in \(bench.groups)")
  }

  func forward(_ pass: Pass) { for step in operators { step.forward(pass) } }

  func backward(_ pass: Pass) { for step in operators.reversed() { step.backward(pass) } }
}

extension Dropout {
  /// The mask of a whole batch in plain order, as the kernel draws it; 1 where a value stays.
  func mask(_ shape: ValueShape, _ pass: Pass, kernels: any KernelTable) -> [UInt8] {
    let lanes = kernels.lanes
    let runs: Int
    let count: Int
    switch shape {
    case .image(let channels, let height, let width):
      runs = pass.count * blocks(channels, of: lanes)
      count = height * width * lanes
    case .flat(let features):
      runs = pass.count
      count = features
    }
    var mask = [UInt8](repeating: 9, count: runs * count)
    var values = [Float](repeating: 1, count: count)
    for run in 0..<runs {
      mask.withUnsafeMutableBufferPointer { mask in
        kernels.dropout(
          &values, count: count, mask: mask.baseAddress! + run * count,
          draw: draw(pass, run: run, of: count, lanes: lanes), scale: 1)
      }
    }
    guard case .image(let channels, let height, let width) = shape else { return mask }
    return BlockedLayout.unblock(
      mask.map(Float.init), images: pass.count, channels: channels, pixels: height * width,
      lanes: lanes
    ).map { UInt8($0) }
  }
}
