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
