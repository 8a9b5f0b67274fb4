import CifarCore
import Kernels

/// How a convolution is computed: the one seam between the layer and its kernels.
///
/// All three passes take blocked batches, (N, C/lanes, H, W, lanes), and give the same numbers for
/// any number of threads.
protocol ConvolutionAlgorithm: AnyObject {
  /// Makes `weights`, (out, in, k, k), ready. Called before `forward` whenever they have changed.
  func prepare(weights: UnsafePointer<Float>)

  /// - Parameter bias: padded with zeros to whole pairs of channel groups.
  func forward(
    count: Int, input: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>)

  /// - Parameter weightGradient: (out, in, k, k), overwritten.
  func backwardWeights(
    count: Int, input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>)

  /// - Parameter inputGradient: overwritten.
  func backwardData(
    count: Int, outputGradient: UnsafePointer<Float>,
    inputGradient: UnsafeMutablePointer<Float>)
}
