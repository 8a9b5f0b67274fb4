import Kernels
import TestSupport
import Testing

/// The direct convolution, for one image, with everything that goes with it.
@Suite(.onBothSides) struct ConvolutionTests {
  static let shapes = [
    ConvolutionShape(
      inputChannels: 3, outputChannels: 32, height: 8, width: 8, kernel: 3, padding: 1),
    ConvolutionShape(
      inputChannels: 9, outputChannels: 17, height: 7, width: 5, kernel: 3, padding: 1),
    ConvolutionShape(
      inputChannels: 8, outputChannels: 25, height: 6, width: 9, kernel: 5, padding: 2),
    ConvolutionShape(
      inputChannels: 5, outputChannels: 7, height: 5, width: 7, kernel: 3, padding: 0),
    ConvolutionShape(
      inputChannels: 10, outputChannels: 8, height: 4, width: 5, kernel: 1, padding: 0),
    ConvolutionShape(
      inputChannels: 4, outputChannels: 9, height: 9, width: 6, kernel: 3, stride: 2, padding: 1),
    ConvolutionShape(
      inputChannels: 11, outputChannels: 16, height: 8, width: 11, kernel: 5, stride: 2, padding: 0),
    ConvolutionShape(
      inputChannels: 8, outputChannels: 8, height: 6, width: 7, kernel: 1, stride: 2, padding: 0),
  ]

  @Test(arguments: InstructionSet.all)
  func usualImages(set: InstructionSet) {
    for shape in Self.shapes { check(set, shape) }
  }

  /// Every filter, stride and frame on images where taps and whole filters fall outside, with
  /// numbers of channels around the borders of a group and of a panel.
  @Test(arguments: InstructionSet.all)
  func smallImages(set: InstructionSet) {
    let lanes = set.kernels.lanes
    let channels = [
      (1, 1), (3, lanes), (lanes - 1, lanes + 1), (lanes, 2 * lanes - 1), (lanes + 1, 2 * lanes),
      (2 * lanes, 2 * lanes + 1), (4, 1), (2 * lanes + 3, 2), (5, 3 * lanes), (6, 3),
      (7, lanes + 2),
    ]
    var shapes = 0
    for (height, width) in SmallImages.sizes {
      for kernel in [1, 2, 3, 5] {
        for (before, after) in SmallImages.frames(kernel) {
          for stride in 1...3 {
            let (inputs, outputs) = channels[shapes % channels.count]
            let shape = ConvolutionShape(
              inputChannels: inputs, outputChannels: outputs, height: height, width: width,
              kernel: kernel, stride: stride, padding: before, paddingAfter: after)
            guard shape.paddedHeight >= kernel, shape.paddedWidth >= kernel else { continue }
            check(set, shape)
            shapes += 1
          }
        }
      }
    }
    #expect(shapes > 300)
  }

  @Test func aFilterThatDoesNotFitHasNoOutputs() {
    for size in 1...4 {
      for stride in 1...3 {
        let shape = ConvolutionShape(
          inputChannels: 1, outputChannels: 1, height: size, width: 5, kernel: 5, stride: stride,
          padding: 0)
        #expect(shape.outputHeight == 0 && shape.outputWidth == 1)
      }
    }
  }

  private func check(_ set: InstructionSet, _ shape: ConvolutionShape) {
    let check = ConvolutionCheck(kernels: set.kernels, shape: shape)
    check.forward()
    check.backwardData()
    check.backwardWeights()
    let int16 = Int16ConvolutionCheck(kernels: set.kernels, shape: shape)
    int16.forward()
    int16.backwardData()
    int16.backwardWeights()
  }

  /// Sums of int16 that are as large as they may be.
  @Test(arguments: InstructionSet.all)
  func int16AtTheLimit(set: InstructionSet) {
    for (inputs, outputs, kernel) in [(64, 64, 3), (3, 5, 5), (1, 1, 3)] {
      let shape = ConvolutionShape(
        inputChannels: inputs, outputChannels: outputs, height: 9, width: 18, kernel: kernel,
        padding: 0)
      let check = Int16ConvolutionCheck(kernels: set.kernels, shape: shape, isConstant: true)
      check.forward()
      check.backwardData()
      check.backwardWeights()
    }
  }
}
