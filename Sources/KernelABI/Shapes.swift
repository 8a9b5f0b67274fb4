/// A square convolution over one image, and the sizes that follow from it.
public struct ConvolutionShape: Equatable, Sendable {
  public var inputChannels: Int
  public var outputChannels: Int
  /// Rows and columns of the input, without padding.
  public var height: Int
  public var width: Int
  /// Rows and columns of the filter.
  public var kernel: Int
  public var stride: Int
  /// Zeros above the input and to its left.
  public var padding: Int
  /// Zeros below it and to its right.
  public var paddingAfter: Int

  /// - Parameter paddingAfter: nil for as much as `padding`.
  public init(
    inputChannels: Int, outputChannels: Int, height: Int, width: Int,
    kernel: Int, stride: Int = 1, padding: Int, paddingAfter: Int? = nil
  ) {
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.height = height
    self.width = width
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.paddingAfter = paddingAfter ?? padding
  }

  /// Rows and columns of the input with its frame of zeros.
  public var paddedHeight: Int { height + padding + paddingAfter }
  public var paddedWidth: Int { width + padding + paddingAfter }

  /// Rows and columns of the output; 0 where the filter does not fit.
  public var outputHeight: Int { max(0, paddedHeight - kernel + stride) / stride }
  public var outputWidth: Int { max(0, paddedWidth - kernel + stride) / stride }

  /// The convolution that carries a gradient from the output back to the input: over the output's
  /// gradient, spread `stride` apart, with the filters transposed and rotated by 180 degrees.
  public var backwardData: ConvolutionShape {
    ConvolutionShape(
      inputChannels: outputChannels, outputChannels: inputChannels,
      height: paddedHeight - kernel + 1, width: paddedWidth - kernel + 1, kernel: kernel,
      stride: 1, padding: kernel - 1 - padding, paddingAfter: kernel - 1 - paddingAfter)
  }
}

/// `count` split into blocks of `size`, the last one perhaps partly filled.
@inlinable
public func blocks(_ count: Int, of size: Int) -> Int { (count + size - 1) / size }

/// Where the random words of a dropout mask come from: Philox4x32-10 under `key`.
///
/// Element i of a run of elements takes word (i mod 4·lanes) / lanes of the block whose counter is
/// (firstBlock + i / (4·lanes) · lanes + i mod lanes, place…). It stays where the word is at least
/// `threshold`, that is with probability 1 − threshold/2³².
public struct DropoutDraw: Sendable {
  public var key: SIMD2<UInt32>
  /// Counter words 1, 2 and 3: the layer and the step.
  public var place: SIMD4<UInt32>
  /// Counter word 0 of the first block.
  public var firstBlock: UInt32
  public var threshold: UInt32

  public init(key: SIMD2<UInt32>, place: SIMD4<UInt32>, firstBlock: UInt32, threshold: UInt32) {
    self.key = key
    self.place = place
    self.firstBlock = firstBlock
    self.threshold = threshold
  }
}
