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

  /// Zeros above the output's gradient and to its left, where a filter may reach beyond it on the
  /// way back to the input.
  public var gradientPadding: Int { max(0, kernel - 1 - padding) / stride }

  /// Rows and columns of the output's gradient with all zeros that the way back needs.
  public var paddedGradientHeight: Int {
    gradientPadding + max(outputHeight, (height - 1 + padding) / stride + 1)
  }
  public var paddedGradientWidth: Int {
    gradientPadding + max(outputWidth, (width - 1 + padding) / stride + 1)
  }

  /// Whether an image lies in a frame of zeros at all, and whether the output's gradient does.
  public var hasFrame: Bool { padding + paddingAfter > 0 }
  public var hasGradientFrame: Bool {
    paddedGradientHeight > outputHeight || paddedGradientWidth > outputWidth
  }
}

/// `count` split into blocks of `size`, the last one perhaps partly filled.
@inlinable
public func blocks(_ count: Int, of size: Int) -> Int { (count + size - 1) / size }
