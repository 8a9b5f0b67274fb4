import Kernels
import TestSupport
import Testing

/// Each transform of a single tile against its matrices.
@Suite(.onBothSides) struct WinogradTransformTests {
  /// An image of one group with 3×3 tiles, the one in the middle inside it.
  struct Sample {
    let kernel: Int
    /// Outputs of a tile along one side.
    var outputs: Int { 7 - kernel }
    var size: Int { 3 * outputs }
    var shape: ConvolutionShape {
      ConvolutionShape(
        inputChannels: 1, outputChannels: 1, height: size, width: size, kernel: kernel,
        padding: kernel / 2)
    }
    var tiling: WinogradTiling { WinogradTiling(height: size, width: size, kernel: kernel) }

    /// Where the `index`th pixel of the middle tile lies, which is `side` wide.
    func pixel(_ index: Int, side: Int) -> Int {
      let first = outputs - (side == 6 ? kernel / 2 : 0)
      return (first + index / side) * size + first + index % side
    }
  }

  /// Tile 4 is the one in the middle.
  static func tile(of image: GuardedBuffer<Float>) -> WinogradTiles {
    WinogradTiles(images: Values(image.pointer), imageGroups: 1, groups: 0..<1, tiles: 4..<5)
  }

  @Test(arguments: InstructionSet.all, [3, 5])
  func input(set: InstructionSet, kernel: Int) {
    let sample = Sample(kernel: kernel)
    let lanes = set.kernels.lanes
    // (1, size, size, lanes), (1, 36, 6, lanes)
    let image = GuardedBuffer(Samples.uniform(sample.size * sample.size * lanes, seed: 1))
    let points = GuardedBuffer(output: 36 * 6 * lanes)
    set.kernels.winogradInput(
      sample.tiling, Self.tile(of: image), to: points.pointer, packStride: 36 * 6 * lanes)
    for lane in 0..<lanes {
      let tile = (0..<36).map { Double(image[sample.pixel($0, side: 6) * lanes + lane]) }
      let expected = WinogradOracle.transform(tile, by: WinogradOracle.inputMatrix)
      #expect(relativeError((0..<36).map { points[$0 * 6 * lanes + lane] }, expected) < 1e-6)
    }
    // Products take tiles in pairs: the second is 0.
    for point in 0..<36 {
      let second = points.array[((point * 6 + 1) * lanes)..<((point * 6 + 2) * lanes)]
      #expect(second.allSatisfy { $0 == 0 })
    }
  }

  @Test(arguments: InstructionSet.all, [3, 5])
  func filters(set: InstructionSet, kernel: Int) {
    for rotated in [false, true] { checkFilters(set, Sample(kernel: kernel), rotated: rotated) }
  }

  private func checkFilters(_ set: InstructionSet, _ sample: Sample, rotated: Bool) {
    let lanes = set.kernels.lanes
    let filter = GuardedBuffer(Samples.uniform(sample.kernel * sample.kernel, seed: 2))
    let plane = lanes * set.kernels.panelLanes
    let points = GuardedBuffer(output: 36 * plane)  // (1, 36, lanes, panel)
    set.kernels.winogradFilters(
      sample.shape, filter.pointer, to: points.pointer, rotated: rotated, panel: 0, group: 0)
    let expected = WinogradOracle.transform(
      rotated ? filter.array.doubles.reversed() : filter.array.doubles,
      by: WinogradOracle.filterMatrix(kernel: sample.kernel))
    #expect(relativeError((0..<36).map { points[$0 * plane] }, expected) < 1e-6)
    // Channels that do not exist are 0.
    #expect(points.array.filter { $0 != 0 }.count <= 36)
  }

  @Test(arguments: InstructionSet.all, [3, 5])
  func output(set: InstructionSet, kernel: Int) {
    let sample = Sample(kernel: kernel)
    let lanes = set.kernels.lanes
    let plane = 6 * set.kernels.panelLanes
    let product = GuardedBuffer(Samples.uniform(36 * plane, seed: 3))  // (1, 36, 6, panel)
    let image = GuardedBuffer(output: sample.size * sample.size * lanes)
    set.kernels.winogradOutput(
      sample.tiling, product.pointer, first: 4, count: 1, scales: nil, bias: nil, relu: false,
      to: Values(image.pointer), groups: 1, panel: 0)
    let matrix = WinogradOracle.transposed(WinogradOracle.outputMatrix(kernel: kernel))
    for lane in 0..<lanes {
      let tile = (0..<36).map { Double(product[$0 * plane + lane]) }
      let actual = (0..<(sample.outputs * sample.outputs)).map {
        image[sample.pixel($0, side: sample.outputs) * lanes + lane]
      }
      #expect(relativeError(actual, WinogradOracle.transform(tile, by: matrix)) < 1e-6)
    }
    // Only that tile is written.
    #expect(image.array.filter { !$0.isNaN }.count == sample.outputs * sample.outputs * lanes)
  }

  @Test(arguments: InstructionSet.all, [3, 5])
  func gradient(set: InstructionSet, kernel: Int) {
    let sample = Sample(kernel: kernel)
    let lanes = set.kernels.lanes
    let image = GuardedBuffer(Samples.uniform(sample.size * sample.size * lanes, seed: 4))
    let plane = 6 * set.kernels.panelLanes
    // (1, 36, 6, panel); groups that the panel lacks are not written.
    let points = GuardedBuffer(output: 36 * plane)
    set.kernels.winogradGradient(
      sample.tiling, Self.tile(of: image), to: points.pointer, packStride: 36 * plane)
    for lane in 0..<lanes {
      let tile = (0..<(sample.outputs * sample.outputs)).map {
        Double(image[sample.pixel($0, side: sample.outputs) * lanes + lane])
      }
      let expected = WinogradOracle.transform(
        tile, by: WinogradOracle.outputMatrix(kernel: kernel))
      #expect(relativeError((0..<36).map { points[$0 * plane + lane] }, expected) < 1e-6)
    }
  }

  @Test(arguments: InstructionSet.all, [3, 5])
  func filterGradient(set: InstructionSet, kernel: Int) {
    let sample = Sample(kernel: kernel)
    let lanes = set.kernels.lanes
    let stride = lanes * set.kernels.panelLanes
    let sumStride = Winograd.sumStride(lanes: lanes, panel: set.kernels.panelLanes)
    let sums = GuardedBuffer(Samples.uniform(36 * sumStride, seed: 5))  // (1, 1, 36, lanes, panel)
    let taps = GuardedBuffer(output: kernel * kernel * stride)  // (1, k, k, lanes, panel)
    set.kernels.winogradFilterGradient(
      sample.shape, sums.pointer, panelStride: 36 * sumStride, group: 0, to: taps.pointer,
      accumulate: false)
    #expect(taps.isIntact)
    let filter = GuardedBuffer(output: kernel * kernel)
    set.kernels.unpackFilterGradient(
      sample.shape, taps.pointer, inputGroup: 0, outputPanel: 0, to: filter.pointer)
    let expected = WinogradOracle.transform(
      (0..<36).map { Double(sums[$0 * sumStride]) },
      by: WinogradOracle.transposed(WinogradOracle.filterMatrix(kernel: kernel)))
    #expect(relativeError(filter.array, expected) < 1e-6)
    #expect(filter.isIntact)
    // Added to themselves they are twice as large, to the bit.
    let once = taps.array
    set.kernels.winogradFilterGradient(
      sample.shape, sums.pointer, panelStride: 36 * sumStride, group: 0, to: taps.pointer,
      accumulate: true)
    #expect(zip(taps.array, once).allSatisfy { $0 == 2 * $1 || $0.isNaN && $1.isNaN })
    #expect(taps.isIntact)
  }

  /// Packs that are full and packs that are not.
  @Test(arguments: InstructionSet.all, [6, 12, 1, 2, 3, 5, 8, 10])
  func products(set: InstructionSet, tiles: Int) {
    let lanes = set.kernels.lanes
    let panel = set.kernels.panelLanes
    let groups = 2
    let inputs = groups * lanes
    let packs = blocks(tiles, of: 6)
    let packStride = groups * 36 * 6 * lanes + lanes
    // (packs, groups, 36, 6, lanes), (36, inputs, panel), (packs, 36, 6, panel)
    let x = GuardedBuffer(Samples.uniform(packs * packStride, seed: 6))
    let filters = GuardedBuffer(Samples.uniform(36 * inputs * panel, seed: 7))
    let product = GuardedBuffer(output: packs * 36 * 6 * panel)
    set.kernels.winogradMultiply(
      x.pointer, packStride: packStride, tiles: tiles, groups: groups, filters: filters.pointer,
      product: product.pointer, prefetch: PrefetchRanges())
    for point in [0, 17, 35] {
      // (tiles, inputs)
      let rows = (0..<(tiles * inputs)).map { i in
        let (tile, input) = i.quotientAndRemainder(dividingBy: inputs)
        let plane = (input / lanes * 36 + point) * 6 + tile % 6
        return Double(x[tile / 6 * packStride + plane * lanes + input % lanes])
      }
      let columns = filters.array[(point * inputs * panel)..<((point + 1) * inputs * panel)]
      let expected = RowOracles.multiply(
        rows, Array(columns).doubles, rows: tiles, depth: inputs, columns: panel)
      let actual = (0..<(tiles * panel)).map { i in
        let (tile, output) = i.quotientAndRemainder(dividingBy: panel)
        return product[((tile / 6 * 36 + point) * 6 + tile % 6) * panel + output]
      }
      #expect(relativeError(actual, expected) < 1e-6)
    }
    #expect(product.isIntact)
  }
}
