import Kernels
import TestSupport

/// Random data of one convolution, plain, and its oracle.
struct ConvolutionSample {
  let shape: ConvolutionShape
  let images: Int
  let oracle: ConvolutionOracle
  /// (N, C, H, W)
  let image: [Float]
  /// (O, I, k, k)
  let filters: [Float]
  /// dLoss/dy, (N, O, H', W')
  let gradient: [Float]

  /// - Parameter isConstant: whether all numbers of a kind are equal, instead of random.
  init(_ shape: ConvolutionShape, images: Int = 1, isConstant: Bool = false) {
    func values(_ count: Int, seed: UInt64, _ constant: Float) -> [Float] {
      isConstant
        ? [Float](repeating: constant, count: count) : Samples.uniform(count, seed: seed)
    }
    self.shape = shape
    self.images = images
    oracle = ConvolutionOracle(shape, images: images)
    image = values(
      images * shape.inputChannels * shape.height * shape.width, seed: 1, 3)
    filters = values(
      shape.outputChannels * shape.inputChannels * shape.kernel * shape.kernel, seed: 2, -0.5)
    gradient = values(
      images * shape.outputChannels * shape.outputHeight * shape.outputWidth, seed: 3, -7)
  }

  func blockedImage(_ lanes: Int) -> [Float] {
    BlockedLayout.block(
      image, images: images, channels: shape.inputChannels, pixels: shape.height * shape.width,
      lanes: lanes)
  }

  func blockedGradient(_ lanes: Int) -> [Float] {
    BlockedLayout.block(
      gradient, images: images, channels: shape.outputChannels,
      pixels: shape.outputHeight * shape.outputWidth, lanes: lanes)
  }
}
