import Kernels
import TestSupport
import Testing

/// The Winograd kernels joined to whole convolutions, on sizes that fill neither tiles nor groups
/// nor panels. The accuracy on a network's real sizes is tested with the layer.
@Suite struct WinogradTests {
  static let shapes = [
    shape(1, 1, 1, 1), shape(3, 5, 4, 4), shape(9, 33, 5, 7), shape(40, 17, 6, 9),
    shape(8, 32, 8, 8), shape(16, 70, 3, 13),
  ]

  static func shape(_ inputs: Int, _ outputs: Int, _ height: Int, _ width: Int) -> ConvolutionShape
  {
    ConvolutionShape(
      inputChannels: inputs, outputChannels: outputs, height: height, width: width, kernel: 3,
      padding: 1)
  }

  @Test(arguments: InstructionSet.all, shapes)
  func forward(set: InstructionSet, shape: ConvolutionShape) {
    let sample = ConvolutionSample(shape, images: 3)
    let bias = Samples.uniform(shape.outputChannels, seed: 4)
    let y = convolve(
      set.kernels, shape, images: 3, sample.blockedImage(set.kernels.lanes), sample.filters,
      turned: false, bias: bias)
    let expected = sample.oracle.forward(
      sample.image.doubles, sample.filters.doubles, bias: bias.doubles)
    #expect(relativeError(y, expected) < 2e-6)
  }

  @Test(arguments: InstructionSet.all, shapes)
  func backwardData(set: InstructionSet, shape: ConvolutionShape) {
    let sample = ConvolutionSample(shape, images: 3)
    let dx = convolve(
      set.kernels, shape, images: 3, sample.blockedGradient(set.kernels.lanes), sample.filters,
      turned: true, bias: nil)
    let expected = sample.oracle.backwardData(sample.gradient.doubles, sample.filters.doubles)
    #expect(relativeError(dx, expected) < 2e-6)
  }

  @Test(arguments: InstructionSet.all, shapes)
  func backwardWeights(set: InstructionSet, shape: ConvolutionShape) {
    let sample = ConvolutionSample(shape, images: 3)
    let kernels = set.kernels
    let lanes = kernels.lanes
    let tiling = WinogradTiling(height: shape.height, width: shape.width)
    let tiles = 3 * tiling.tilesPerImage
    let groups = blocks(shape.inputChannels, of: lanes)
    let panels = blocks(shape.outputChannels, of: 4 * lanes)
    let outputGroups = blocks(shape.outputChannels, of: lanes)
    // A slot before the first tile, and one behind the last, stay empty.
    let capacity = tiles + 2
    let xStride = groups * capacity * lanes
    let dyStride = panels * capacity * 4 * lanes
    let sumStride = panels * groups * lanes * 4 * lanes
    let x = GuardedBuffer(output: Winograd.points * xStride)
    // Groups that a panel lacks are not written, and multiply into sums that nobody reads.
    let dy = GuardedBuffer([Float](repeating: 0, count: Winograd.points * dyStride))
    let images = GuardedBuffer(sample.blockedImage(lanes))
    let gradients = GuardedBuffer(sample.blockedGradient(lanes))
    // In two portions, as chunks of a batch come.
    for portion in [0..<(tiles / 2), (tiles / 2)..<tiles] {
      kernels.winogradInput(
        tiling, images.pointer, groups: groups, first: portion.lowerBound, count: portion.count,
        to: x.pointer, planeStride: xStride, capacity: capacity, slot: 1 + portion.lowerBound)
      kernels.winogradGradient(
        tiling, gradients.pointer, groups: outputGroups, first: portion.lowerBound,
        count: portion.count, to: dy.pointer, planeStride: dyStride, capacity: capacity,
        slot: 1 + portion.lowerBound)
    }
    let sums = GuardedBuffer(output: Winograd.points * sumStride)
    for point in 0..<Winograd.points {
      for portion in [0..<(tiles / 2), (tiles / 2)..<tiles] {
        kernels.winogradAccumulate(
          x: x.pointer + point * xStride + (1 + portion.lowerBound) * lanes, groups: groups,
          dy: dy.pointer + point * dyStride + (1 + portion.lowerBound) * 4 * lanes,
          panels: panels, capacity: capacity, count: portion.count,
          sum: sums.pointer + point * sumStride, accumulate: portion.lowerBound > 0)
      }
    }
    let filters = GuardedBuffer(output: sample.filters.count)
    for group in 0..<groups {
      kernels.winogradFilterGradient(
        shape, sums.pointer, planeStride: sumStride, group: group, to: filters.pointer)
    }
    let expected = sample.oracle.backwardWeights(sample.image.doubles, sample.gradient.doubles)
    #expect(relativeError(filters.array, expected) < 4e-6)
    #expect(x.isIntact && dy.isIntact && sums.isIntact && filters.isIntact)
  }

  /// Transforms, multiplies and transforms back all tiles of a batch at once.
  private func convolve(
    _ kernels: any KernelTable, _ shape: ConvolutionShape, images: Int, _ blocked: [Float],
    _ filters: [Float], turned: Bool, bias: [Float]?
  ) -> [Float] {
    let lanes = kernels.lanes
    let panel = 4 * lanes
    let tiling = WinogradTiling(height: shape.height, width: shape.width)
    let tiles = images * tiling.tilesPerImage
    let inputs = turned ? shape.outputChannels : shape.inputChannels
    let outputs = turned ? shape.inputChannels : shape.outputChannels
    let groups = blocks(inputs, of: lanes)
    let outputGroups = blocks(outputs, of: lanes)
    let planeStride = groups * tiles * lanes + 8
    let productStride = tiles * panel + 8
    let x = GuardedBuffer(output: Winograd.points * planeStride)
    let from = GuardedBuffer(blocked)
    kernels.winogradInput(
      tiling, from.pointer, groups: groups, first: 0, count: tiles, to: x.pointer,
      planeStride: planeStride, capacity: tiles, slot: 0)
    let panels = blocks(outputs, of: panel)
    let panelFilters = Winograd.points * groups * lanes * panel
    let transformed = GuardedBuffer(output: panels * panelFilters)
    let product = GuardedBuffer(output: Winograd.points * productStride)
    let output = GuardedBuffer(output: images * outputGroups * shape.height * shape.width * lanes)
    let paddedBias = bias.map {
      GuardedBuffer($0 + [Float](repeating: 0, count: panels * panel - outputs))
    }
    for index in 0..<panels {
      kernels.winogradFilters(
        shape, filters, to: transformed.pointer, turned: turned,
        panel: index)
      kernels.winogradMultiply(
        x.pointer, planeStride: planeStride, capacity: tiles, groups: groups, count: tiles,
        filters: transformed.pointer + index * panelFilters, product: product.pointer,
        productStride: productStride)
      kernels.winogradOutput(
        tiling, product.pointer, productStride: productStride, first: 0, count: tiles,
        bias: paddedBias.map { UnsafePointer($0.pointer) }, to: output.pointer,
        groups: outputGroups, panel: index)
    }
    #expect(x.isIntact && transformed.isIntact && product.isIntact && output.isIntact)
    return BlockedLayout.unblock(
      output.array, images: images, channels: outputs, pixels: shape.height * shape.width,
      lanes: lanes)
  }
}
