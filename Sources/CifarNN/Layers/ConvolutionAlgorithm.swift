import CifarCore
import Glibc
import Kernels

/// How a convolution is computed: the one seam between the layer and its kernels.
///
/// All three passes take blocked batches, (N, C/lanes, H, W, lanes), and give the same numbers for
/// any number of threads.
protocol ConvolutionAlgorithm: AnyObject {
  /// The most images that a pass asks its source for at a time, unless it takes the whole batch.
  var imagesAtOnce: Int { get }

  /// Whether `backwardWeights` asks for each image of the output's gradient once, and never for the
  /// batch.
  var asksOnceForGradients: Bool { get }

  /// Takes `weights`, (out, in, k, k), which stay until the next call. Called before `forward`
  /// whenever they have changed.
  func prepare(weights: UnsafePointer<Float>)

  /// - Parameters:
  ///   - bias: padded with zeros to whole pairs of channel groups.
  ///   - relu: whether negative values become 0.
  ///   - visitor: sees every image of the output once.
  func forward(
    count: Int, input: any ImageSource, bias: UnsafePointer<Float>, relu: Bool, output: Values,
    visitor: (any ImageVisitor)?)

  /// - Parameters:
  ///   - outputGradient: asked for every image once, or for the batch.
  ///   - weightGradient: (out, in, k, k), overwritten.
  func backwardWeights(
    count: Int, input: any ImageSource, outputGradient: any ImageSource,
    weightGradient: UnsafeMutablePointer<Float>)

  /// - Parameters:
  ///   - outputGradient: asked for every image once, or for the batch.
  ///   - inputGradient: overwritten.
  ///   - visitor: sees every image of it once.
  func backwardData(
    count: Int, outputGradient: any ImageSource,
    inputGradient: UnsafeMutablePointer<Float>, visitor: (any ImageVisitor)?)
}

/// Which algorithm a convolution uses.
enum ConvolutionChoice: String, CaseIterable {
  case direct
  case winograd
  case auto

  /// What `CIFAR_CONV` says; `auto` without it.
  ///
  /// - Throws: `invalidArgument` for a word that is none of the three.
  static func requested() throws -> ConvolutionChoice {
    guard let text = getenv("CIFAR_CONV").map({ String(cString: $0) }) else { return .auto }
    guard let choice = ConvolutionChoice(rawValue: text) else {
      throw CifarError(
        .invalidArgument, "CIFAR_CONV is '\(text)'; use direct, winograd or auto")
    }
    return choice
  }

  /// `auto` takes Winograd wherever it fits and there are at least 16 channels on both sides; with
  /// fewer the transforms cost more than the products save.
  ///
  /// - Throws: `outOfMemory`.
  func algorithm(
    for shape: ConvolutionShape, needsInputGradient: Bool, context: LayerContext
  ) throws -> any ConvolutionAlgorithm {
    let wins = min(shape.inputChannels, shape.outputChannels) >= 16
    if WinogradConvolution.fits(shape), self == .winograd || self == .auto && wins {
      return try WinogradConvolution(
        shape: shape, needsInputGradient: needsInputGradient, context: context)
    }
    return try DirectConvolution(
      shape: shape, needsInputGradient: needsInputGradient, context: context)
  }
}
