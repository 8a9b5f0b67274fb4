import Kernels

/// The sums of the chunks of a batch for the gradient of a convolution's weights.
struct FilterGradientSums {
  private let shape: ConvolutionShape
  /// (chunks, input groups, panels of output, k, k, lanes, panel)
  private let sums: UnsafeMutablePointer<Float>
  private let chunks: Int
  private let context: OperatorContext
  private let outputPanels: Int
  /// What one input group and one panel of the output have.
  private let itemFloats: Int
  /// Floats of a chunk.
  let chunkFloats: Int

  /// - Parameter chunks: a power of two up to 64.
  init(
    _ shape: ConvolutionShape, _ sums: UnsafeMutablePointer<Float>, chunks: Int,
    _ context: OperatorContext
  ) {
    self.shape = shape
    self.sums = sums
    self.chunks = chunks
    self.context = context
    let (lanes, panel) = (context.kernels.lanes, context.kernels.panelLanes)
    outputPanels = blocks(shape.outputChannels, of: panel)
    itemFloats = shape.kernel * shape.kernel * lanes * panel
    chunkFloats = blocks(shape.inputChannels, of: lanes) * outputPanels * itemFloats
  }

  /// What an input group has in a chunk, from a panel on: (panels of output, k, k, lanes, panel).
  func pointer(
    chunk: Int, inputGroup: Int, outputPanel: Int = 0
  ) -> UnsafeMutablePointer<Float> {
    sums + chunk * chunkFloats + (inputGroup * outputPanels + outputPanel) * itemFloats
  }

  /// Sets the sums of an input group in a chunk without images.
  func clear(chunk: Int, inputGroup: Int) {
    pointer(chunk: chunk, inputGroup: inputGroup)
      .update(repeating: 0, count: outputPanels * itemFloats)
  }

  /// Adds the chunks up along the tree, and lays their sum out as the weights are.
  func addUp(to weightGradient: UnsafeMutablePointer<Float>) {
    let taps = shape.kernel * shape.kernel
    let tapFloats = itemFloats / taps
    context.pool.forEach(chunkFloats / tapFloats) { tap, _ in
      let first = sums + tap * tapFloats
      context.kernels.addPairwise(
        first, stride: chunkFloats, terms: chunks, count: tapFloats, to: first)
    }
    context.pool.forEach(chunkFloats / itemFloats) { item, _ in
      context.kernels.unpackFilterGradient(
        shape, sums + item * itemFloats, inputGroup: item / outputPanels,
        outputPanel: item % outputPanels, to: weightGradient)
    }
  }
}
