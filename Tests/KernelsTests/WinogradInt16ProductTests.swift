import Kernels
import TestSupport
import Testing

/// Sums of products of int16 against sums of whole numbers.
@Suite(.onBothSides) struct WinogradInt16ProductTests {
  private static func numbers(_ count: Int, seed: UInt64, limit: Float) -> [Int16] {
    Samples.uniform(count, seed: seed, -limit, limit).map { Int16($0.rounded()) }
  }

  /// More inputs than are summed as int32, and packs that are not full.
  @Test(arguments: InstructionSet.all, [2, 4, 6, 8, 16])
  func multiply(set: InstructionSet, tiles: Int) {
    for inputs in [16, 80, 144] {
      let result = product(set.kernels, inputs: inputs, tiles: tiles, limit: 150)
      // Small enough that float32 has every sum.
      #expect(result.actual.elementsEqual(result.expected.map { Float($0) * 0.5 }))
    }
  }

  /// The bits do not depend on the instruction set. Baseline and AVX2 have other panels, so one
  /// channel is compared.
  @Test func multiplyHasTheSameBits() {
    let all = InstructionSet.all.map {
      product($0.kernels, inputs: 144, tiles: 6, limit: 900, sameOutputs: true).actual
    }
    for other in all { #expect(other == all[0]) }
  }

  /// Sums that are as large as they may be.
  @Test(arguments: InstructionSet.all)
  func multiplyAtTheLimit(set: InstructionSet) {
    let kernels = set.kernels
    let (lanes, panel) = (kernels.lanes, kernels.panelLanes)
    let groups = Int16Products.sumInputs / lanes
    let data = Int16(Int16Products.dataLimit)
    let filter = Int16(Int16Products.filterLimit / Float(Int16Products.sumInputs))
    let x = GuardedBuffer([Int16](repeating: -data, count: groups * 36 * 6 * lanes))
    let w = GuardedBuffer([Int16](repeating: filter, count: 36 * groups * lanes * panel))
    let scales = GuardedBuffer([Float](repeating: 1, count: 36 * panel))
    let to = GuardedBuffer(output: 36 * 6 * panel)
    kernels.winogradMultiplyInt16(
      x.pointer, pointStride: 6 * lanes, tiles: 6, groups: groups, filters: w.pointer,
      scales: scales.pointer, product: to.pointer, prefetch: PrefetchRanges())
    let sum = -Int(data) * Int(filter) * Int16Products.sumInputs
    #expect(to.array.allSatisfy { $0 == Float(sum) })
  }

  private func product(
    _ kernels: any KernelTable, inputs: Int, tiles: Int, limit: Float, sameOutputs: Bool = false
  ) -> (actual: [Float], expected: [Int]) {
    let (lanes, panel) = (kernels.lanes, kernels.panelLanes)
    let groups = inputs / lanes
    let pointStride = tiles * lanes + 32
    // What is multiplied must not depend on the layout: element (point, tile, input).
    let plain = Self.numbers(36 * tiles * inputs, seed: 1, limit: limit)
    let plainFilters = Self.numbers(36 * inputs * panel, seed: 2, limit: limit)
    func filter(_ point: Int, _ input: Int, _ output: Int) -> Int16 {
      plainFilters[sameOutputs ? point * inputs + input : (point * inputs + input) * panel + output]
    }
    var x = [Int16](repeating: 0, count: groups * 36 * pointStride - 32)
    var w = [Int16](repeating: 0, count: 36 * inputs * panel)
    for point in 0..<36 {
      for input in 0..<inputs {
        for tile in 0..<tiles {
          x[(input / lanes * 36 + point) * pointStride + tile * lanes + input % lanes] =
            plain[(point * tiles + tile) * inputs + input]
        }
        for output in 0..<panel {
          w[((point * inputs + input) / 2 * panel + output) * 2 + input % 2] = filter(
            point, input, output)
        }
      }
    }
    let packs = blocks(tiles, of: 6)
    let (from, filters) = (GuardedBuffer(x), GuardedBuffer(w))
    let scales = GuardedBuffer([Float](repeating: 0.5, count: 36 * panel))
    let to = GuardedBuffer(output: packs * 36 * 6 * panel)
    kernels.winogradMultiplyInt16(
      from.pointer, pointStride: pointStride, tiles: tiles, groups: groups,
      filters: filters.pointer, scales: scales.pointer, product: to.pointer,
      prefetch: PrefetchRanges())
    #expect(to.isIntact)
    var actual: [Float] = []
    var expected: [Int] = []
    for point in [0, 17, 35] {
      for tile in 0..<tiles {
        for output in 0..<(sameOutputs ? 1 : panel) {
          actual.append(to[((tile / 6 * 36 + point) * 6 + tile % 6) * panel + output])
          expected.append(
            (0..<inputs).reduce(0) {
              $0 + Int(plain[(point * tiles + tile) * inputs + $1]) * Int(filter(point, $1, output))
            })
        }
      }
    }
    return (actual, expected)
  }

  /// Tiles of several images, beginning and ending within one: scales of their own, the same ones beside
  /// each other and not, and one for all.
  @Test(arguments: InstructionSet.all, [2, 4, 16, 36])
  func accumulate(set: InstructionSet, tilesPerImage: Int) {
    for kernel in [3, 5] {
      let size = 7 - kernel
      let tiling = WinogradTiling(
        height: size, width: size * tilesPerImage, kernel: kernel, pairs: true)
      for scales: [Float] in [
        [1e-6, 3e-8, 5e-7, 2e-6], [1e-6, 1e-6, 3e-8, 1e-6], [1e-6, 3e-8, 1e-6, 3e-8],
        [1e-6, 1e-6, 1e-6, 1e-6],
      ] {
        checkSums(set, tiling, scales)
      }
    }
  }

  private func checkSums(_ set: InstructionSet, _ tiling: WinogradTiling, _ imageScales: [Float]) {
    let kernels = set.kernels
    let tilesPerImage = tiling.tilesPerImage
    let (lanes, panel) = (kernels.lanes, kernels.panelLanes)
    let tiles = 2..<(3 * tilesPerImage + 2)
    let (groups, panels) = (2, 2)
    let (xStride, dyStride) = (tiles.count * lanes + 32, tiles.count * panel + 32)
    let x = GuardedBuffer(
      Self.numbers(groups * 36 * xStride - 32, seed: 3, limit: Int16Products.imageLimit))
    let dy = GuardedBuffer(
      Self.numbers(panels * 36 * dyStride - 32, seed: 4, limit: Int16Products.gradientLimit))
    let scales = GuardedBuffer(imageScales)
    let stride = Winograd.sumStride(lanes: lanes, panel: panel)
    let sums = GuardedBuffer(output: 36 * panels * groups * stride)
    for accumulate in [false, true] {
      kernels.winogradAccumulateInt16(
        x.pointer, xStride: xStride, groups: groups, dy: dy.pointer, dyStride: dyStride,
        panels: panels, tiles: tiles, tiling: tiling, scales: scales.pointer,
        sums: sums.pointer, accumulate: accumulate, prefetch: PrefetchRanges())
    }
    #expect(sums.isIntact)
    var actual: [Float] = []
    var expected: [Double] = []
    for point in [0, 8, 21, 35] {
      let bound = [point / 6, point % 6].reduce(1.0) {
        $0 * Double(Int16Products.inputBound($1))
          * Double(Int16Products.gradientBound($1, outputTile: tiling.outputTile))
      }
      for (index, group, lane, output) in [
        (0, 0, 0, 0), (1, 1, lanes - 1, panel - 1), (0, 1, 3, lanes), (1, 0, 5, 1),
      ] {
        var sum = 0.0
        for (place, tile) in tiles.enumerated() {
          let a = x[
            (group * 36 + point) * xStride + (place / 2 * lanes + lane) * 2 + place % 2]
          let b = dy[
            (index * 36 + point) * dyStride + (place / 2 * panel + output) * 2 + place % 2]
          sum += Double(Int(a) * Int(b)) * Double(scales[tile / tilesPerImage])
        }
        expected.append(2 * bound * sum)
        actual.append(sums[((index * 2 + group) * 36 + point) * stride + lane * panel + output])
      }
    }
    #expect(relativeError(actual, expected) < 1e-6)
  }

  @Test(arguments: InstructionSet.all)
  func accumulateAtTheLimit(set: InstructionSet) {
    let kernels = set.kernels
    let (lanes, panel) = (kernels.lanes, kernels.panelLanes)
    let (a, b) = (Int16(Int16Products.imageLimit), Int16(-Int16Products.gradientLimit))
    let x = GuardedBuffer([Int16](repeating: a, count: 36 * 32 * lanes))
    let dy = GuardedBuffer([Int16](repeating: b, count: 36 * 32 * panel))
    let scales = GuardedBuffer([Float(1)])
    let sums = GuardedBuffer(output: 36 * Winograd.sumStride(lanes: lanes, panel: panel))
    kernels.winogradAccumulateInt16(
      x.pointer, xStride: 32 * lanes, groups: 1, dy: dy.pointer, dyStride: 32 * panel, panels: 1,
      tiles: 0..<32, tiling: WinogradTiling(height: 32, width: 32, pairs: true),
      scales: scales.pointer, sums: sums.pointer,
      accumulate: false, prefetch: PrefetchRanges())
    let bound = Double(Int16Products.inputBound(0) * Int16Products.inputBound(0))
    #expect(relativeError([sums[0]], [32 * Double(Int(a) * Int(b)) * bound]) < 1e-6)
  }
}
