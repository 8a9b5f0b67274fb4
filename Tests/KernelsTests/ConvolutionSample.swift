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

  init(_ shape: ConvolutionShape, images: Int = 1) {
    self.shape = shape
    self.images = images
    oracle = ConvolutionOracle(shape, images: images)
    image = Samples.uniform(images * shape.inputChannels * shape.height * shape.width, seed: 1)
    filters = Samples.uniform(
      shape.outputChannels * shape.inputChannels * shape.kernel * shape.kernel, seed: 2)
    gradient = Samples.uniform(
      images * shape.outputChannels * shape.outputHeight * shape.outputWidth, seed: 3)
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
