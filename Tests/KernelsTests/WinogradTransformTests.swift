import Kernels
import TestSupport
import Testing

/// Each transform of a single tile against its matrices.
@Suite struct WinogradTransformTests {
  /// One tile that lies inside an image of one group.
  static let tiling = WinogradTiling(height: 12, width: 12)
  static let shape = ConvolutionShape(
    inputChannels: 1, outputChannels: 1, height: 12, width: 12, kernel: 3, padding: 1)

  @Test(arguments: InstructionSet.all)
  func input(set: InstructionSet) {
    let lanes = set.kernels.lanes
    let image = GuardedBuffer(Samples.uniform(144 * lanes, seed: 1))  // (1, 12, 12, lanes)
    let points = GuardedBuffer(output: 36 * lanes)  // (36, 1, 1, lanes)
    // Tile 4 is the one in the middle; its input begins at row 3, column 3.
    set.kernels.winogradInput(
      Self.tiling, image.pointer, groups: 1, first: 4, count: 1,
      to: points.pointer, planeStride: lanes, capacity: 1, slot: 0)
    for lane in 0..<lanes {
      let tile = (0..<36).map { Double(image[((3 + $0 / 6) * 12 + 3 + $0 % 6) * lanes + lane]) }
      let expected = WinogradOracle.transform(tile, by: WinogradOracle.inputMatrix)
      #expect(relativeError((0..<36).map { points[$0 * lanes + lane] }, expected) < 1e-6)
    }
  }

  @Test(arguments: InstructionSet.all, [false, true])
  func filters(set: InstructionSet, turned: Bool) {
    let lanes = set.kernels.lanes
    let filter = Samples.uniform(9, seed: 2)
    let points = GuardedBuffer(output: 36 * lanes * 4 * lanes)  // (1, 36, lanes, 4·lanes)
    set.kernels.winogradFilters(
      Self.shape, filter, to: points.pointer, turned: turned, panel: 0)
    let expected = WinogradOracle.transform(
      turned ? filter.doubles.reversed() : filter.doubles, by: WinogradOracle.filterMatrix)
    #expect(relativeError((0..<36).map { points[$0 * lanes * 4 * lanes] }, expected) < 1e-6)
    // Channels that do not exist are 0.
    #expect(points.array.filter { $0 != 0 }.count <= 36)
  }

  @Test(arguments: InstructionSet.all)
  func output(set: InstructionSet) {
    let lanes = set.kernels.lanes
    let product = GuardedBuffer(Samples.uniform(36 * 4 * lanes, seed: 3))  // (36, 1, 4·lanes)
    let image = GuardedBuffer(output: 144 * lanes)
    set.kernels.winogradOutput(
      Self.tiling, product.pointer, productStride: 4 * lanes, first: 4, count: 1,
      bias: nil, to: image.pointer, groups: 1, panel: 0)
    let matrix = WinogradOracle.transposed(WinogradOracle.outputMatrix)
    for lane in 0..<lanes {
      let tile = (0..<36).map { Double(product[$0 * 4 * lanes + lane]) }
      let actual = (0..<16).map { image[((4 + $0 / 4) * 12 + 4 + $0 % 4) * lanes + lane] }
      #expect(relativeError(actual, WinogradOracle.transform(tile, by: matrix)) < 1e-6)
    }
    // Only that tile is written.
    #expect(image.array.filter { !$0.isNaN }.count == 16 * lanes)
  }

  @Test(arguments: InstructionSet.all)
  func gradient(set: InstructionSet) {
    let lanes = set.kernels.lanes
    let image = GuardedBuffer(Samples.uniform(144 * lanes, seed: 4))
    let points = GuardedBuffer(output: 36 * 4 * lanes)  // (36, 1, 1, 4·lanes)
    set.kernels.winogradGradient(
      Self.tiling, image.pointer, groups: 1, first: 4, count: 1,
      to: points.pointer, planeStride: 4 * lanes, capacity: 1, slot: 0)
    for lane in 0..<lanes {
      let tile = (0..<16).map { Double(image[((4 + $0 / 4) * 12 + 4 + $0 % 4) * lanes + lane]) }
      let expected = WinogradOracle.transform(tile, by: WinogradOracle.outputMatrix)
      #expect(relativeError((0..<36).map { points[$0 * 4 * lanes + lane] }, expected) < 1e-6)
    }
  }

  @Test(arguments: InstructionSet.all)
  func filterGradient(set: InstructionSet) {
    let lanes = set.kernels.lanes
    let stride = lanes * 4 * lanes
    let sums = GuardedBuffer(Samples.uniform(36 * stride, seed: 5))  // (36, 1, lanes, 4·lanes)
    let filter = GuardedBuffer(output: 9)
    set.kernels.winogradFilterGradient(
      Self.shape, sums.pointer, planeStride: stride, group: 0, to: filter.pointer)
    let expected = WinogradOracle.transform(
      (0..<36).map { Double(sums[$0 * stride]) },
      by: WinogradOracle.transposed(WinogradOracle.filterMatrix))
    #expect(relativeError(filter.array, expected) < 1e-6)
    #expect(filter.isIntact)
  }

  /// Every count from 1 on takes another way through the tiles of three, two and one rows.
  @Test(arguments: InstructionSet.all, 1...7)
  func products(set: InstructionSet, count: Int) {
    let lanes = set.kernels.lanes
    let panel = 4 * lanes
    let (groups, capacity) = (2, 9)
    let inputs = groups * lanes
    let planeStride = groups * capacity * lanes
    // (36, groups, capacity, lanes), (36, inputs, 4·lanes)
    let x = GuardedBuffer(Samples.uniform(36 * planeStride, seed: 6))
    let filters = GuardedBuffer(Samples.uniform(36 * inputs * panel, seed: 7))
    let product = GuardedBuffer(output: 36 * count * panel)
    set.kernels.winogradMultiply(
      x.pointer, planeStride: planeStride, capacity: capacity, groups: groups,
      count: count, filters: filters.pointer, product: product.pointer,
      productStride: count * panel)
    for point in [0, 17, 35] {
      // (tiles, inputs)
      let rows = (0..<(count * inputs)).map { i in
        let (tile, input) = i.quotientAndRemainder(dividingBy: inputs)
        let place = (input / lanes * capacity + tile) * lanes + input % lanes
        return Double(x[point * planeStride + place])
      }
      let columns = filters.array[(point * inputs * panel)..<((point + 1) * inputs * panel)]
      let expected = RowOracles.multiply(
        rows, Array(columns).doubles, rows: count, depth: inputs, columns: panel)
      let actual = product.array[(point * count * panel)..<((point + 1) * count * panel)]
      #expect(relativeError(Array(actual), expected) < 1e-6)
    }
    #expect(product.isIntact)
  }
}
