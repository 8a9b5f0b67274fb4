import CifarCore
import Kernels

/// y[n, o] = b[o] + Σ_i x[n, i] ⋆ w[o, i], the cross-correlation that deep learning calls
/// convolution.
///
/// Batch normalisation, ReLU and pooling that stand before or behind it see the images as it reads
/// and writes them; see `PointwiseBlock`. A plan that only infers hands over the batch
/// normalisation and the ReLU that follow: scale and offset go into the weights and the bias.
final class Convolution: Layer {
  private let input: Activation
  let output: Activation
  private let context: LayerContext
  private let algorithm: any ConvolutionAlgorithm
  private let shape: ConvolutionShape
  private let weights: UnsafePointer<Float>
  private let weightGradient: UnsafeMutablePointer<Float>?
  /// (groups of lanes, padded with zeros to whole pairs)
  private let bias: AlignedBuffer<Float>
  private let biasSource: UnsafePointer<Float>
  private let biasGradient: UnsafeMutablePointer<Float>?
  /// Batch normalisation takes the mean away again, so that the bias has no effect on the loss and
  /// its gradient is exactly 0.
  private let biasIsCancelled: Bool
  /// (N, C/lanes, lanes): sums over a plane of the output's gradient.
  private let planeSums: AlignedBuffer<Float>
  private var packedVersion = -1
  private let following: Following
  /// What makes the input.
  private let before: PointwiseBlock?
  /// What takes sums of the output, and makes its gradient.
  private var behind: PointwiseBlock?
  /// (out, in, k, k), weights times the scale of the normalisation that follows.
  private let scaledWeights: AlignedBuffer<Float>

  /// What stands behind the convolution and is computed with it.
  struct Following {
    var norm: BatchNormalization?
    var relu = false
  }

  init(
    name: String, shape: ConvolutionShape, input: Activation, before: PointwiseBlock? = nil,
    output: Activation, biasIsCancelled: Bool, following: Following = Following(),
    context: LayerContext
  ) throws {
    self.input = input
    self.before = before
    self.output = output
    self.context = context
    self.shape = shape
    self.biasIsCancelled = biasIsCancelled
    self.following = following
    scaledWeights = try AlignedBuffer(
      count: following.norm == nil
        ? 0 : shape.outputChannels * shape.inputChannels * shape.kernel * shape.kernel)
    let network = context.network
    weights = UnsafePointer(try network.pointer("\(name).weight"))
    biasSource = UnsafePointer(try network.pointer("\(name).bias"))
    weightGradient = context.training ? try network.gradientPointer("\(name).weight") : nil
    biasGradient = context.training ? try network.gradientPointer("\(name).bias") : nil
    let lanes = context.kernels.lanes
    bias = try AlignedBuffer(count: blocks(shape.outputChannels, of: 2 * lanes) * 2 * lanes)
    let groups = blocks(shape.outputChannels, of: lanes)
    let needsSums = context.training && !biasIsCancelled
    planeSums = try AlignedBuffer(count: needsSums ? context.batchSize * groups * lanes : 0)
    algorithm = try ConvolutionChoice.requested().algorithm(
      for: shape, needsInputGradient: input.gradient != nil, context: context)
    before?.reserveRoom(images: algorithm.imagesAtOnce)
  }

  /// Lets the layer behind it gather its statistics, and make its gradients where they are read.
  func feed(_ block: PointwiseBlock) {
    block.takeFeed()
    behind = block
    // With a bias they are needed once more.
    if algorithm.asksOnceForGradients && biasIsCancelled {
      block.reserveGradientRoom(images: algorithm.imagesAtOnce)
    }
  }

  func forward(_ pass: Pass) {
    if packedVersion != context.network.version {
      packedVersion = context.network.version
      prepare()
    }
    algorithm.forward(
      count: pass.count, input: before ?? input.stored, bias: bias.pointer, relu: following.relu,
      output: output.stored, visitor: pass.training ? behind?.statistics : nil)
  }

  private func prepare() {
    guard let norm = following.norm else {
      algorithm.prepare(weights: weights)
      bias.pointer.update(from: biasSource, count: shape.outputChannels)
      return
    }
    norm.useRunningStatistics()
    let filter = shape.inputChannels * shape.kernel * shape.kernel
    for channel in 0..<shape.outputChannels {
      let scale = norm.scale[channel]
      bias[channel] = biasSource[channel] * scale + norm.offset[channel]
      for i in (channel * filter)..<((channel + 1) * filter) {
        scaledWeights[i] = weights[i] * scale
      }
    }
    algorithm.prepare(weights: scaledWeights.pointer)
  }

  /// dw[o, i] = Σ_n x[n, i] ⋆ dy[n, o]; db[o] = Σ dy[n, o]; dx[n, i] = Σ_o dy[n, o] ∗ w[o, i].
  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let weightGradient, let biasGradient else { return }
    var gradients: any ImageSource = Values(gradient)
    if let behind { gradients = behind.gradients }
    if let inputGradient = input.gradient {
      algorithm.backwardData(
        count: pass.count, outputGradient: gradients, inputGradient: inputGradient,
        visitor: before?.gradientSums)
      if behind?.keepsGradients ?? true { gradients = Values(gradient) }
    }
    // What is kept was made in the forward pass.
    let images: any ImageSource = if let before, !input.isKept { before } else { input.stored }
    algorithm.backwardWeights(
      count: pass.count, input: images, outputGradient: gradients, weightGradient: weightGradient)
    if biasIsCancelled {
      biasGradient.update(repeating: 0, count: shape.outputChannels)
    } else {
      sumBiasGradient(pass.count, gradient, into: biasGradient)
    }
  }

  private func sumBiasGradient(
    _ count: Int, _ gradient: UnsafePointer<Float>, into sum: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    let lanes = kernels.lanes
    let groups = blocks(shape.outputChannels, of: lanes)
    let pixels = shape.outputHeight * shape.outputWidth
    context.pool.forEach(count * groups) { plane, _ in
      kernels.planeSum(
        gradient + plane * pixels * lanes, pixels: pixels, sum: planeSums.pointer + plane * lanes)
    }
    for channel in 0..<shape.outputChannels {
      var total = 0.0
      for image in 0..<count {
        let plane = image * groups + channel / lanes
        total += Double(planeSums[plane * lanes + channel % lanes])
      }
      sum[channel] = Float(total)
    }
  }
}
