import CifarCore
import Kernels

/// How a convolution is computed: the one seam between the layer and its kernels.
///
/// All three passes take blocked batches, (N, C/lanes, H, W, lanes), and give the same numbers for
/// any number of threads.
protocol ConvolutionAlgorithm: AnyObject {
  /// Takes `weights`, (out, in, k, k), which stay until the next call. Called before `forward`
  /// whenever they have changed.
  func prepare(weights: UnsafePointer<Float>)

  /// - Parameters:
  ///   - bias: padded with zeros to whole panels.
  ///   - relu: whether negative values become 0.
  ///   - consumer: reads every image of the output once.
  func forward(
    count: Int, input: any ImageProducer, bias: UnsafePointer<Float>, relu: Bool, output: Values,
    consumer: (any ImageConsumer)?)

  /// - Parameters:
  ///   - input: what the last forward pass read.
  ///   - outputGradient: asked for every image once, or for the batch. Where `backwardData` was called
  ///     since the last forward pass, the same as there.
  ///   - weightGradient: (out, in, k, k), overwritten.
  func backwardWeights(
    batch: BatchPartition, input: any ImageProducer, outputGradient: any ImageProducer,
    weightGradient: UnsafeMutablePointer<Float>)

  /// - Parameters:
  ///   - outputGradient: asked for every image once, or for the batch.
  ///   - inputGradient: overwritten.
  ///   - consumer: reads every image of it once.
  func backwardData(
    count: Int, outputGradient: any ImageProducer,
    inputGradient: UnsafeMutablePointer<Float>, consumer: (any ImageConsumer)?)

  /// Both of them, with a gradient that is asked for once where that gains.
  func backward(
    batch: BatchPartition, input: any ImageProducer, outputGradient: any ImageProducer,
    inputGradient: UnsafeMutablePointer<Float>, consumer: (any ImageConsumer)?,
    weightGradient: UnsafeMutablePointer<Float>)
}

extension ConvolutionAlgorithm {
  func backward(
    batch: BatchPartition, input: any ImageProducer, outputGradient: any ImageProducer,
    inputGradient: UnsafeMutablePointer<Float>, consumer: (any ImageConsumer)?,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    backwardData(
      count: batch.count, outputGradient: outputGradient, inputGradient: inputGradient,
      consumer: consumer)
    backwardWeights(
      batch: batch, input: input, outputGradient: outputGradient, weightGradient: weightGradient)
  }
}

extension ConvolutionChoice {
  /// `auto` takes Winograd wherever it fits and there are at least 16 channels on both sides; with
  /// fewer the transforms cost more than the products save.
  func method(
    for shape: ConvolutionShape, needsInputGradient: Bool, readsBytes: Bool = false,
    pools: Bool = false, _ target: PlanTarget
  ) -> ConvolutionMethod {
    if takesWinograd(shape, bytes: readsBytes) {
      return .winograd(
        WinogradBlocking(
          shape, needsInputGradient: needsInputGradient, readsBytes: readsBytes, pools: pools,
          target))
    }
    return .direct(DirectBlocking(shape, needsInputGradient: needsInputGradient, target))
  }
}

extension ConvolutionChoice {
  private func takesWinograd(_ shape: ConvolutionShape, bytes: Bool) -> Bool {
    let wins = min(shape.inputChannels, shape.outputChannels) >= 16
    // Of bytes there are whole numbers in Winograd's space for filters of 3×3 alone.
    let fits = WinogradConvolution.fits(shape) && (!bytes || shape.kernel == 3)
    return fits && (self == .winograd || self == .auto && wins)
  }

  /// Whether a convolution of bytes takes along the 2×2 max-pool that follows it.
  func pools(_ node: LayerNode) -> Bool {
    guard let shape = try? ConvolutionShape(node) else { return false }
    return takesWinograd(shape, bytes: true) && shape.height % 2 == 0 && shape.width % 2 == 0
  }
}

/// An algorithm and how it cuts the work into parts that fit the caches: all that a memory plan
/// needs to know of it.
enum ConvolutionMethod: Equatable, Sendable {
  case direct(DirectBlocking)
  case winograd(WinogradBlocking)

  var shape: ConvolutionShape {
    switch self {
    case .direct(let blocking): blocking.shape
    case .winograd(let blocking): blocking.shape
    }
  }

  var scratch: ScratchSize {
    switch self {
    case .direct(let blocking): blocking.scratch
    case .winograd(let blocking): blocking.scratch
    }
  }

  /// The most images that a pass asks its producer for at a time, unless it takes the whole batch.
  var imagesAtOnce: Int {
    switch self {
    case .direct: 1
    case .winograd(let blocking): blocking.imagesAtOnce
    }
  }

  /// Whether the weight gradient asks for each image of the output's gradient once, and never for
  /// the batch.
  var readsGradientsOnce: Bool {
    switch self {
    case .direct(let blocking): blocking.readsGradientsOnce
    case .winograd(let blocking): blocking.weightGradient?.readsGradientsOnce ?? true
    }
  }

  /// - Parameter factor: what products of weights and bytes are multiplied by; 1 for other numbers.
  /// - Throws: `outOfMemory`.
  func algorithm(
    _ context: OperatorContext, factor: Float = 1
  ) throws -> any ConvolutionAlgorithm {
    switch self {
    case .direct(let blocking):
      context.target.products == .int16
        ? try DirectInt16Convolution(blocking, factor: factor, context: context)
        : try DirectConvolution(blocking, context: context)
    case .winograd(let blocking):
      try WinogradConvolution(blocking, factor: factor, context: context)
    }
  }
}
