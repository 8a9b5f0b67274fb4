import Kernels
import TestSupport
import Testing

/// The Winograd kernels joined to whole convolutions, on sizes that fill neither tiles nor groups
/// nor panels. The accuracy on a network's real sizes is tested with the layer.
@Suite(.onBothSides) struct WinogradTests {
  static let shapes =
    [
      shape(3, 5, 4, 4), shape(9, 33, 5, 7), shape(40, 17, 6, 9), shape(8, 32, 8, 8),
      shape(16, 70, 3, 13),
    ] + small + small.map { shape($0.inputChannels, $0.outputChannels, $0.height, $0.width, 5) }
    + [shape(9, 33, 5, 7, 5), shape(17, 40, 8, 6, 5), shape(16, 70, 3, 13, 5)]

  /// Channels around the borders of groups and panels of 8 and of 16 lanes.
  private static let small = SmallImages.sizes.enumerated().map { index, size in
    let channels = [(1, 1), (7, 9), (16, 15), (17, 16), (8, 31), (15, 33), (33, 2)]
    let (inputs, outputs) = channels[index % channels.count]
    return shape(inputs, outputs, size.0, size.1)
  }

  static func shape(
    _ inputs: Int, _ outputs: Int, _ height: Int, _ width: Int, _ kernel: Int = 3
  ) -> ConvolutionShape {
    ConvolutionShape(
      inputChannels: inputs, outputChannels: outputs, height: height, width: width,
      kernel: kernel, padding: kernel / 2)
  }

  @Test(arguments: InstructionSet.all)
  func forward(set: InstructionSet) {
    for shape in Self.shapes { checkForward(set, shape) }
  }

  @Test(arguments: InstructionSet.all)
  func backwardData(set: InstructionSet) {
    for shape in Self.shapes { checkBackwardData(set, shape) }
  }

  @Test(arguments: InstructionSet.all)
  func backwardWeights(set: InstructionSet) {
    for shape in Self.shapes { checkBackwardWeights(set, shape) }
  }

  private func checkForward(_ set: InstructionSet, _ shape: ConvolutionShape) {
    let sample = ConvolutionSample(shape, images: 3)
    let bias = Samples.uniform(shape.outputChannels, seed: 4)
    let y = convolve(
      set.kernels, shape, images: 3, sample.blockedImage(set.kernels.lanes), sample.filters,
      rotated: false, bias: bias)
    let expected = sample.oracle.forward(
      sample.image.doubles, sample.filters.doubles, bias: bias.doubles)
    #expect(relativeError(y, expected) < 2e-6, "\(shape.name)")
  }

  private func checkBackwardData(_ set: InstructionSet, _ shape: ConvolutionShape) {
    let sample = ConvolutionSample(shape, images: 3)
    let dx = convolve(
      set.kernels, shape, images: 3, sample.blockedGradient(set.kernels.lanes), sample.filters,
      rotated: true, bias: nil)
    let expected = sample.oracle.backwardData(sample.gradient.doubles, sample.filters.doubles)
    #expect(relativeError(dx, expected) < 2e-6, "\(shape.name)")
  }

  private func checkBackwardWeights(_ set: InstructionSet, _ shape: ConvolutionShape) {
    let sample = ConvolutionSample(shape, images: 3)
    let kernels = set.kernels
    let lanes = kernels.lanes
    let tiling = WinogradTiling(
      height: shape.height, width: shape.width, kernel: shape.kernel)
    let tiles = 3 * tiling.tilesPerImage
    let groups = blocks(shape.inputChannels, of: lanes)
    let panels = blocks(shape.outputChannels, of: kernels.panelLanes)
    let outputGroups = blocks(shape.outputChannels, of: lanes)
    // In two portions, as chunks of a batch come; the first one fills its packs.
    let half = tiles / 2 / Winograd.packTiles * Winograd.packTiles
    let portions = [0..<half, half..<tiles].filter { !$0.isEmpty }
    let packs = blocks(tiles, of: Winograd.packTiles)
    let packPlane = Winograd.points * Winograd.packTiles
    let xStride = packPlane * groups * lanes + lanes
    let dyStride = packPlane * panels * kernels.panelLanes + lanes
    // Nothing follows the last pack.
    let x = GuardedBuffer(output: packs * xStride - lanes)
    // Groups that a panel lacks are not written, and multiply into sums that nobody reads.
    let dy = GuardedBuffer([Float](repeating: 0, count: packs * dyStride - lanes))
    let images = GuardedBuffer(sample.blockedImage(lanes))
    let gradients = GuardedBuffer(sample.blockedGradient(lanes))
    for portion in portions {
      let pack = portion.lowerBound / Winograd.packTiles
      kernels.winogradInput(
        tiling,
        WinogradTiles(
          images: Values(images.pointer), imageGroups: groups, groups: 0..<groups, tiles: portion),
        to: x.pointer + pack * xStride, packStride: xStride)
      kernels.winogradGradient(
        tiling,
        WinogradTiles(
          images: Values(gradients.pointer), imageGroups: outputGroups, groups: 0..<outputGroups,
          tiles: portion),
        to: dy.pointer + pack * dyStride, packStride: dyStride)
    }
    let itemSums = Winograd.points * Winograd.sumStride(lanes: lanes, panel: kernels.panelLanes)
    let sums = GuardedBuffer(output: panels * groups * itemSums)
    for portion in portions {
      let pack = portion.lowerBound / Winograd.packTiles
      kernels.winogradAccumulate(
        x.pointer + pack * xStride, xStride: xStride, groups: groups,
        dy: dy.pointer + pack * dyStride, dyStride: dyStride, panels: panels,
        tiles: portion.count, sums: sums.pointer,
        accumulate: portion.lowerBound > 0,
        prefetch: PrefetchRanges())
    }
    let filters = GuardedBuffer(output: sample.filters.count)
    let item = shape.kernel * shape.kernel * lanes * kernels.panelLanes  // (k, k, lanes, panel)
    for group in 0..<groups {
      let taps = GuardedBuffer(output: panels * item)
      kernels.winogradFilterGradient(
        shape, sums.pointer + group * itemSums, panelStride: groups * itemSums, group: group,
        to: taps.pointer, accumulate: false)
      for panel in 0..<panels {
        kernels.unpackFilterGradient(
          shape, taps.pointer + panel * item, inputGroup: group, outputPanel: panel,
          to: filters.pointer)
      }
      #expect(taps.isIntact)
    }
    let expected = sample.oracle.backwardWeights(sample.image.doubles, sample.gradient.doubles)
    #expect(relativeError(filters.array, expected) < 4e-6, "\(shape.name)")
    #expect(x.isIntact && dy.isIntact && sums.isIntact && filters.isIntact)
  }

  /// Transforms, multiplies and transforms back all tiles of a batch at once.
  private func convolve(
    _ kernels: any KernelTable, _ shape: ConvolutionShape, images: Int, _ blocked: [Float],
    _ filters: [Float], rotated: Bool, bias: [Float]?
  ) -> [Float] {
    let lanes = kernels.lanes
    let panel = kernels.panelLanes
    let tiling = WinogradTiling(
      height: shape.height, width: shape.width, kernel: shape.kernel)
    let tiles = images * tiling.tilesPerImage
    let inputs = rotated ? shape.outputChannels : shape.inputChannels
    let outputs = rotated ? shape.inputChannels : shape.outputChannels
    let groups = blocks(inputs, of: lanes)
    let outputGroups = blocks(outputs, of: lanes)
    let packs = blocks(tiles, of: Winograd.packTiles)
    let packPlane = Winograd.points * Winograd.packTiles
    let packStride = packPlane * groups * lanes + lanes
    let x = GuardedBuffer(output: packs * packStride - lanes)
    let from = GuardedBuffer(blocked)
    let all = WinogradTiles(
      images: Values(from.pointer), imageGroups: groups, groups: 0..<groups, tiles: 0..<tiles)
    kernels.winogradInput(tiling, all, to: x.pointer, packStride: packStride)
    let panels = blocks(outputs, of: panel)
    let panelFilters = Winograd.points * groups * lanes * panel
    let transformed = GuardedBuffer(output: panels * panelFilters)
    let product = GuardedBuffer(output: packs * packPlane * panel)
    let output = GuardedBuffer(output: images * outputGroups * shape.height * shape.width * lanes)
    let plainFilters = GuardedBuffer(filters)
    let paddedBias = bias.map {
      GuardedBuffer($0 + [Float](repeating: 0, count: panels * panel - outputs))
    }
    for index in 0..<panels {
      for group in 0..<groups {
        kernels.winogradFilters(
          shape, plainFilters.pointer, to: transformed.pointer, rotated: rotated, panel: index,
          group: group)
      }
      kernels.winogradMultiply(
        x.pointer, packStride: packStride, tiles: tiles, groups: groups,
        filters: transformed.pointer + index * panelFilters, product: product.pointer,
        prefetch: PrefetchRanges(Region(all.images, count: 5, stride: 7, runs: 3)))
      kernels.winogradOutput(
        tiling, product.pointer, first: 0, count: tiles, scales: nil,
        bias: paddedBias.map { UnsafePointer($0.pointer) }, relu: false,
        to: Values(output.pointer), groups: outputGroups, panel: index)
    }
    #expect(x.isIntact && transformed.isIntact && product.isIntact && output.isIntact)
    return BlockedLayout.unblock(
      output.array, images: images, channels: outputs, pixels: shape.height * shape.width,
      lanes: lanes)
  }
}
