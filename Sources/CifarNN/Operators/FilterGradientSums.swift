import Kernels

/// The sums of the chunks of a batch for the gradient of a convolution's weights.
///
/// Each convolution spreads its chunks over all of the memory that they share: so a thread, whose share of
/// the chunks is always the same part, writes where it wrote before, and not what another one has in its
/// caches.
struct FilterGradientSums {
  private let shape: ConvolutionShape
  /// (chunks, input groups, panels of output, k, k, lanes, panel), chunks `chunkStride` apart.
  private let sums: UnsafeMutablePointer<Float>
  private let chunkStride: Int
  private let chunks: Int
  private let context: OperatorContext
  private let outputPanels: Int
  /// What one input group and one panel of the output have.
  private let itemFloats: Int
  /// Floats of a chunk.
  private let chunkFloats: Int

  /// - Parameter chunks: a power of two up to 64.
  init(_ shape: ConvolutionShape, chunks: Int, _ context: OperatorContext) {
    self.shape = shape
    self.chunks = chunks
    self.context = context
    let (lanes, panel) = (context.kernels.lanes, context.kernels.panelLanes)
    outputPanels = blocks(shape.outputChannels, of: panel)
    itemFloats = shape.kernel * shape.kernel * lanes * panel
    chunkFloats = blocks(shape.inputChannels, of: lanes) * outputPanels * itemFloats
    let memory = context.scratch.filterSums
    sums = memory.baseAddress.unsafelyUnwrapped
    // A chunk's floats are a multiple of a cache line's.
    chunkStride = memory.count / chunks / 16 * 16
  }

  /// What an input group has in a chunk, from a panel on: (panels of output, k, k, lanes, panel).
  func pointer(
    chunk: Int, inputGroup: Int, outputPanel: Int = 0
  ) -> UnsafeMutablePointer<Float> {
    sums + chunk * chunkStride + (inputGroup * outputPanels + outputPanel) * itemFloats
  }

  /// Adds the chunks up along the tree, and lays their sum out as the weights are.
  func addUp(to weightGradient: UnsafeMutablePointer<Float>) {
    let taps = shape.kernel * shape.kernel
    let tapFloats = itemFloats / taps
    context.pool.forEach(chunkFloats / tapFloats) { tap, _ in
      let first = sums + tap * tapFloats
      context.kernels.addPairwise(
        first, stride: chunkStride, terms: chunks, count: tapFloats, to: first)
    }
    context.pool.forEach(chunkFloats / itemFloats) { item, _ in
      context.kernels.unpackFilterGradient(
        shape, sums + item * itemFloats, inputGroup: item / outputPanels,
        outputPanel: item % outputPanels, to: weightGradient)
    }
  }
}
