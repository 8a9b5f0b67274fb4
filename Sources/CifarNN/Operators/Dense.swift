import CifarCore
import Kernels

/// y = x·Wᵀ + b on rows, perhaps without b, then ReLU and dropout where the model has them right after.
final class Dense: Operator {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let relu: Bool
  private let dropout: Dropout?
  /// As in `ConvolutionGroup`: a batch normalisation takes the mean away again.
  private let biasIsCancelled: Bool
  private let features: Int
  private let units: Int
  private let weights: UnsafePointer<Float>
  /// (units); zeros where there is no bias.
  private let bias: UnsafePointer<Float>
  private let zeros: AlignedBuffer<Float>
  private let weightGradient: UnsafeMutablePointer<Float>?
  private let biasGradient: UnsafeMutablePointer<Float>?
  private let product: MatrixProduct
  private let path: String
  /// nil for factors in float32.
  private let int16Products: DenseInt16Products?
  /// (groups of images, units padded to whole vectors): the bias's gradient in each.
  private let biasSums: AlignedBuffer<Float>
  private let biasStride: Int
  /// (N, units)
  private let mask: AlignedBuffer<UInt8>

  init(
    _ group: DenseGroup, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    let name = group.node.path
    path = name
    self.input = input
    self.output = output
    self.context = context
    relu = group.activation.relu != nil
    dropout = group.activation.dropout.flatMap { Dropout($0) }
    biasIsCancelled = group.biasIsCancelled
    features = input.shape.count
    units = output.shape.count
    let network = context.network
    weights = UnsafePointer(try network.pointer("\(name).weight"))
    let hasBias = network.has("\(name).bias")
    zeros = try AlignedBuffer(count: hasBias ? 0 : units)
    bias = UnsafePointer(hasBias ? try network.pointer("\(name).bias") : zeros.pointer)
    weightGradient = context.training ? try network.gradientPointer("\(name).weight") : nil
    biasGradient =
      context.training && hasBias ? try network.gradientPointer("\(name).bias") : nil
    let batch = context.batchSize
    let backward = [(rows: units, depth: batch), (rows: batch, depth: units)]
    product = try MatrixProduct(sizes: context.training ? backward : [], context: context)
    int16Products =
      context.target.products == .int16 && DenseInt16Products.gains(units: units)
      ? try DenseInt16Products(features: features, units: units, context: context) : nil
    biasStride = blocks(units, of: context.kernels.lanes) * context.kernels.lanes
    let needsSums = biasGradient != nil && !biasIsCancelled
    biasSums = try AlignedBuffer(count: needsSums ? BatchPartition.groups * biasStride : 0)
    mask = try AlignedBuffer(count: dropout != nil && context.training ? batch * units : 0)
  }

  var parameters: [String] { ["\(path).weight", "\(path).bias"] }

  static func scratch(_ target: PlanTarget) -> ScratchSize {
    MatrixProduct.scratch(target.tiles, depth: target.training ? target.batchSize : 0).union(
      DenseInt16Products.scratch(target.tiles))
  }

  func forward(_ pass: Pass) {
    if let int16Products {
      int16Products.forward(
        count: pass.count, x: input.values, newWeights: weights, y: output.values)
    } else {
      multiplyByWeights(pass.count)
    }
    context.pool.forEach(pass.count) { row, _ in
      let values = output.values + row * units
      context.kernels.addBias(values, count: units, bias: bias, relu: relu)
      if let dropout, pass.training {
        context.kernels.dropout(
          values, count: units, mask: mask.pointer + row * units,
          draw: dropout.draw(
            pass, run: pass.images.first + row, of: units, lanes: context.kernels.lanes),
          scale: dropout.scale)
      }
    }
  }

  /// output = x·Wᵀ. Both matrices are read along their rows. A chunk of work is a number of units, and
  /// goes so deep at a time, that its part of the weights stays in the first-level cache.
  private func multiplyByWeights(_ count: Int) {
    let (unitsBlock, depthBlock) = (6, 1024)
    context.pool.forEach(blocks(units, of: unitsBlock)) { index, _ in
      let first = index * unitsBlock
      var depth = 0
      while depth < features {
        context.kernels.multiplyRows(
          rows: count, columns: min(unitsBlock, units - first),
          depth: min(depthBlock, features - depth), a: input.values + depth, aStride: features,
          b: weights + first * features + depth, bStride: features,
          c: output.values + first, cStride: units, accumulate: depth > 0)
        depth += depthBlock
      }
    }
  }

  /// dW = dyᵀ·x, db = Σ dy, dx = dy·W.
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let weightGradient else { return }
    if dropout != nil || relu {
      context.pool.forEach(pass.count) { row, _ in
        let first = row * units
        if let dropout {
          context.kernels.applyMask(
            gradient + first, count: units, mask: mask.pointer + first, scale: dropout.scale)
        }
        if relu {
          context.kernels.reluBackward(
            output: Values(output.values + first), count: units, gradient: gradient + first)
        }
      }
    }
    let network = context.network
    if let biasGradient, network.isTrained("\(path).bias") {
      if biasIsCancelled {
        biasGradient.update(repeating: 0, count: units)
      } else {
        sumBiasGradient(pass.images, gradient, into: biasGradient)
      }
    }
    let dy = MatrixProduct.Matrix(gradient, columns: units)
    if network.isTrained("\(path).weight") {
      product.multiply(
        dy.transposed, .init(input.values, columns: features),
        rows: units, columns: features, depth: pass.images, c: weightGradient)
    }
    guard pass.needsInputGradient, let inputGradient = input.gradient else { return }
    if let int16Products {
      int16Products.backwardData(count: pass.count, dy: gradient, dx: inputGradient)
    } else {
      product.multiply(
        dy, .init(weights, columns: features),
        rows: pass.count, columns: features, depth: units, c: inputGradient)
    }
  }

  private func sumBiasGradient(
    _ batch: BatchPartition, _ gradient: UnsafePointer<Float>,
    into sum: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    biasSums.fill(0)
    for group in 0..<batch.groupCount {
      for row in batch[group] {
        kernels.accumulate(
          gradient + row * units, count: units, into: biasSums.pointer + group * biasStride)
      }
    }
    kernels.addPairwise(
      biasSums.pointer, stride: biasStride, terms: batch.groupCount, count: biasStride,
      to: biasSums.pointer)
    sum.update(from: biasSums.pointer, count: units)
  }
}
