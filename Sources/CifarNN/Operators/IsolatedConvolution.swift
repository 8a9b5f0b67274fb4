import CifarCore
import Kernels

/// One convolution outside any network, on buffers of its own: for measuring its three passes.
public final class IsolatedConvolution {
  private let algorithm: any ConvolutionAlgorithm
  private let batchSize: Int
  /// (N, C/lanes, H, W, lanes)
  private let input: AlignedBuffer<Float>
  private let output: AlignedBuffer<Float>
  /// (O, I, k, k)
  private let weights: AlignedBuffer<Float>
  private let weightGradient: AlignedBuffer<Float>
  private let bias: AlignedBuffer<Float>

  /// - Throws: `invalidArgument` if `CIFAR_CONV` says something unknown.
  public init(
    shape: ConvolutionShape, batchSize: Int, pool: ThreadPool,
    precision: Precision = .float32, kernels: any KernelTable = Kernels.current
  ) throws {
    self.batchSize = batchSize
    let lanes = kernels.lanes
    let channels = (
      blocks(shape.inputChannels, of: lanes) * lanes,
      blocks(shape.outputChannels, of: 2 * lanes) * 2 * lanes
    )
    input = try AlignedBuffer(count: batchSize * channels.0 * shape.height * shape.width)
    output = try AlignedBuffer(
      count: batchSize * channels.1 * shape.outputHeight * shape.outputWidth)
    let taps = shape.kernel * shape.kernel
    weights = try AlignedBuffer(count: shape.outputChannels * shape.inputChannels * taps)
    weightGradient = try AlignedBuffer(count: weights.count)
    bias = try AlignedBuffer(count: channels.1)
    let target = PlanTarget(
      mode: .training, batchSize: batchSize, threads: pool.threads,
      products: precision.products, tiles: KernelTiles(kernels))
    let method = try Environment.convolution.get().method(
      for: shape, needsInputGradient: true, target)
    algorithm = try method.algorithm(
      OperatorContext(
        network: Network(spec: .preset("tutorial", dialect: .pytorch), dialect: .pytorch, seed: 0),
        kernels: kernels, pool: pool,
        scratch: try Scratch(method.scratch, threads: pool.threads), target: target))
    var random = RandomSequence(seed: 0, purpose: .initialization)
    for buffer in [input, output, weights] {
      for index in 0..<buffer.count { buffer[index] = Float(random.uniform() * 2 - 1) }
    }
    algorithm.prepare(weights: weights.pointer)
  }

  public func forward() {
    algorithm.forward(
      count: batchSize, input: Values(input.pointer), bias: bias.pointer, relu: false,
      output: Values(output.pointer), consumer: nil)
  }

  public func backwardData() {
    algorithm.backwardData(
      count: batchSize, outputGradient: Values(output.pointer), inputGradient: input.pointer,
      consumer: nil)
  }

  public func backwardWeights() {
    algorithm.backwardWeights(
      batch: BatchPartition(batchSize), input: Values(input.pointer),
      outputGradient: Values(output.pointer),
      weightGradient: weightGradient.pointer)
  }
}
