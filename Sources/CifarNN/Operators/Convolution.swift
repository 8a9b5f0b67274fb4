import CifarCore
import Kernels

/// y[n, o] = b[o] + Σ_i x[n, i] ⋆ w[o, i], perhaps without b, the cross-correlation that deep learning calls
/// convolution.
///
/// The prologue computes the input as it is read, the epilogue pools the output and takes moments as it
/// is written; see `Pointwise`. A plan for inference has scale and offset of the batch normalisation
/// that follows in the weights and the bias, and its ReLU.
final class Convolution: Operator {
  private let input: Activation
  private let output: Activation
  /// The stage that computes the input.
  private let prologue: Pointwise?
  /// The stage that is computed as the output is written.
  private let pooling: Pointwise?
  /// The stage that takes the moments of the output, or of what the pooling made of it.
  private let consumer: Pointwise?
  /// What reads the gradient of the input.
  private let gradientConsumer: (any ImageConsumer)?
  private let context: OperatorContext
  private let method: ConvolutionMethod
  private let algorithm: any ConvolutionAlgorithm
  private let shape: ConvolutionShape
  private let weights: UnsafePointer<Float>
  private let weightGradient: UnsafeMutablePointer<Float>?
  private let path: String
  /// (groups of lanes, padded with zeros to whole panels)
  private let bias: AlignedBuffer<Float>
  /// nil for a convolution without bias.
  private let biasSource: UnsafePointer<Float>?
  private let biasGradient: UnsafeMutablePointer<Float>?
  private let biasIsCancelled: Bool
  /// Images of a worker's scratch memory that the gradient of the output is computed in, as often as
  /// it is read; nil where it is stored.
  private let gradientCapacity: Int?
  /// (N, C/lanes, lanes): sums over a plane of the output's gradient.
  private let planeSums: AlignedBuffer<Float>
  private var packedVersion = -1
  private let foldedNorm: BatchNormalization?
  private let relu: Bool
  /// (out, in, k, k), weights times the scale of the folded normalisation.
  private let scaledWeights: AlignedBuffer<Float>

  /// - Parameters:
  ///   - prologue: the operator of the group's prologue, of which `input` is the output.
  ///   - pooling: that of the group's pooling, of which `output` is the input.
  ///   - consumer: that of its epilogue, of which `output`, or that of the pooling, is the input.
  ///   - gradientConsumer: reads the gradient of an input that is not the prologue's.
  init(
    _ group: ConvolutionGroup, _ method: ConvolutionMethod, input: Activation,
    output: Activation, prologue: Pointwise? = nil, pooling: Pointwise? = nil,
    consumer: Pointwise? = nil,
    gradientConsumer: (any ImageConsumer)? = nil, context: OperatorContext
  ) throws {
    self.input = input
    self.output = output
    self.prologue = prologue
    self.pooling = pooling
    self.consumer = consumer
    self.gradientConsumer = prologue?.gradientSums ?? gradientConsumer
    self.context = context
    self.method = method
    shape = method.shape
    biasIsCancelled = group.biasIsCancelled
    gradientCapacity =
      Convolution.recomputesGradients(group, method) ? method.imagesAtOnce : nil
    if case .folded(let norm, let relu) = group.epilogue {
      foldedNorm = try norm.map { try BatchNormalization($0, context: context) }
      self.relu = relu != nil
    } else {
      foldedNorm = nil
      relu = false
    }
    scaledWeights = try AlignedBuffer(
      count: foldedNorm == nil
        ? 0 : shape.outputChannels * shape.inputChannels * shape.kernel * shape.kernel)
    let network = context.network
    let name = group.node.path
    path = name
    weights = UnsafePointer(try network.pointer("\(name).weight"))
    let hasBias = network.has("\(name).bias")
    biasSource = hasBias ? UnsafePointer(try network.pointer("\(name).bias")) : nil
    weightGradient = context.training ? try network.gradientPointer("\(name).weight") : nil
    biasGradient =
      context.training && hasBias ? try network.gradientPointer("\(name).bias") : nil
    let lanes = context.kernels.lanes
    let panel = context.kernels.panelLanes
    bias = try AlignedBuffer(count: blocks(shape.outputChannels, of: panel) * panel)
    let groups = blocks(shape.outputChannels, of: lanes)
    let needsSums = biasGradient != nil && !biasIsCancelled
    planeSums = try AlignedBuffer(count: needsSums ? context.batchSize * groups * lanes : 0)
    algorithm = try method.algorithm(
      context, factor: input.stored.step / output.stored.step)
  }

  /// Whether the gradient of the output is computed where it is read and stored nowhere: where each
  /// image of it is read once a pass, and the bias does not need it once more.
  static func recomputesGradients(_ group: ConvolutionGroup, _ method: ConvolutionMethod) -> Bool {
    (group.biasIsCancelled || !group.hasBias) && (group.pooling ?? group.consumer) != nil
      && method.readsGradientsOnce
  }

  var parameters: [String] { ["\(path).weight", "\(path).bias"] }

  func forward(_ pass: Pass) {
    if packedVersion != context.network.version {
      packedVersion = context.network.version
      prepare()
    }
    guard pass.count > 0 else { return }
    algorithm.forward(
      count: pass.count, input: images(pass), bias: bias.pointer, relu: relu,
      output: output.stored, consumer: outputConsumer(pass))
  }

  private func outputConsumer(_ pass: Pass) -> (any ImageConsumer)? {
    pooling?.pooling(pass, next: consumer) ?? (pass.training ? consumer?.moments : nil)
  }

  private func images(_ pass: Pass) -> any ImageProducer {
    prologue?.outputs(pass, capacity: method.imagesAtOnce) ?? input.stored
  }

  private func prepare() {
    defer {
      // Bytes of the output are counted in steps.
      if output.stored.step != 1 {
        for channel in 0..<shape.outputChannels { bias[channel] /= output.stored.step }
      }
    }
    guard let norm = foldedNorm else {
      algorithm.prepare(weights: weights)
      if let biasSource {
        bias.pointer.update(from: biasSource, count: shape.outputChannels)
      } else {
        bias.pointer.update(repeating: 0, count: shape.outputChannels)
      }
      return
    }
    norm.useRunningStatistics()
    let filter = shape.inputChannels * shape.kernel * shape.kernel
    for channel in 0..<shape.outputChannels {
      let scale = norm.scale[channel]
      bias[channel] = (biasSource?[channel] ?? 0) * scale + norm.offset[channel]
      for i in (channel * filter)..<((channel + 1) * filter) {
        scaledWeights[i] = weights[i] * scale
      }
    }
    algorithm.prepare(weights: scaledWeights.pointer)
  }

  /// dw[o, i] = Σ_n x[n, i] ⋆ dy[n, o]; db[o] = Σ dy[n, o]; dx[n, i] = Σ_o dy[n, o] ∗ w[o, i].
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let weightGradient else { return }
    guard pass.count > 0 else { return clearGradients(weightGradient) }
    var gradients: any ImageProducer =
      (pooling ?? consumer)?.inputGradients(capacity: gradientCapacity) ?? Values(gradient)
    let network = context.network
    let trainsWeights = network.isTrained("\(path).weight")
    let inputGradient = pass.needsInputGradient ? input.gradient : nil
    // What is stored was computed in the forward pass.
    let images: any ImageProducer = input.isStored ? input.stored : images(pass)
    if let inputGradient, trainsWeights, gradientCapacity != nil {
      algorithm.backward(
        batch: pass.images, input: images, outputGradient: gradients, inputGradient: inputGradient,
        consumer: gradientConsumer, weightGradient: weightGradient)
    } else {
      if let inputGradient {
        algorithm.backwardData(
          count: pass.count, outputGradient: gradients, inputGradient: inputGradient,
          consumer: gradientConsumer)
        // Now they are stored.
        if gradientCapacity == nil { gradients = Values(gradient) }
      }
      if trainsWeights {
        algorithm.backwardWeights(
          batch: pass.images, input: images, outputGradient: gradients,
          weightGradient: weightGradient)
        if gradientCapacity == nil { gradients = Values(gradient) }
      }
    }
    guard let biasGradient, network.isTrained("\(path).bias") else { return }
    if !biasIsCancelled { _ = gradients.batch(pass.count) }
    if biasIsCancelled {
      biasGradient.update(repeating: 0, count: shape.outputChannels)
    } else {
      sumBiasGradient(pass.images, gradient, into: biasGradient)
    }
  }

  /// Those of a process whose images have run out.
  private func clearGradients(_ weightGradient: UnsafeMutablePointer<Float>) {
    let network = context.network
    if network.isTrained("\(path).weight") {
      let filter = shape.inputChannels * shape.kernel * shape.kernel
      weightGradient.update(repeating: 0, count: shape.outputChannels * filter)
    }
    if let biasGradient, network.isTrained("\(path).bias") {
      biasGradient.update(repeating: 0, count: shape.outputChannels)
    }
  }

  private func sumBiasGradient(
    _ batch: BatchPartition, _ gradient: UnsafePointer<Float>, into sum: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let lanes = kernels.lanes
    let groups = blocks(shape.outputChannels, of: lanes)
    let pixels = shape.outputHeight * shape.outputWidth
    context.pool.forEach(batch.count * groups) { plane, _ in
      kernels.planeSum(
        gradient + plane * pixels * lanes, pixels: pixels, sum: planeSums.pointer + plane * lanes)
    }
    for channel in 0..<shape.outputChannels {
      func total(_ group: Int) -> Float {
        var total = 0.0
        for image in batch[group] {
          let plane = image * groups + channel / lanes
          total += Double(planeSums[plane * lanes + channel % lanes])
        }
        return Float(total)
      }
      sum[channel] = batch.sum(total, +)
    }
  }
}
