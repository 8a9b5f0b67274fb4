import Kernels
import TestSupport
import Testing

/// Transforms to int16 against their matrices, and the ranges that keep sums from overflowing.
@Suite(.onBothSides) struct WinogradInt16TransformTests {
  /// Images whose tiles do and do not fill them, with one and with both edges in a pair of tiles.
  static let sizes = [(4, 4), (3, 5), (8, 8), (7, 9), (5, 12), (9, 17), (4, 24), (1, 2)]

  /// A sample of several images and groups, each image of another size.
  fileprivate struct Sample {
    let tiling: WinogradTiling
    let lanes: Int
    let images = 3
    let groups = 2
    let values: GuardedBuffer<Float>
    let scales: [ImageScale]

    init(
      _ size: (Int, Int), kernel: Int, _ lanes: Int, limit: Float, _ kernels: any KernelTable
    ) {
      tiling = WinogradTiling(height: size.0, width: size.1, kernel: kernel, pairs: true)
      self.lanes = lanes
      let count = groups * size.0 * size.1 * lanes
      var values = Samples.uniform(images * count, seed: 1)
      for i in 0..<count { values[count + i] *= 1e-4 }
      let buffer = GuardedBuffer(values)
      self.values = buffer
      scales = (0..<images).map {
        ImageScale(
          largest: kernels.largestMagnitude(Values(buffer.pointer + $0 * count), count: count),
          limit: limit)
      }
    }

    var tiles: Int { images * tiling.tilesPerImage }

    func area() -> WinogradTiles {
      WinogradTiles(
        images: Values(values.pointer), imageGroups: groups, groups: 0..<groups, tiles: 0..<tiles)
    }

    /// The values of a tile of `size` × `size`, `before` rows and columns before its outputs.
    func tile(_ number: Int, _ group: Int, _ lane: Int, size: Int, before: Int) -> [Double] {
      let (image, place) = number.quotientAndRemainder(dividingBy: tiling.tilesPerImage)
      let (row, column) = place.quotientAndRemainder(dividingBy: tiling.columns)
      let plane = (image * groups + group) * tiling.height * tiling.width
      return (0..<(size * size)).map { i in
        let y = tiling.outputTile * row + i / size - before
        let x = tiling.outputTile * column + i % size - before
        guard (0..<tiling.height).contains(y), (0..<tiling.width).contains(x) else { return 0 }
        return Double(values[(plane + y * tiling.width + x) * lanes + lane])
      }
    }

    func scale(_ tile: Int) -> Double { Double(scales[tile / tiling.tilesPerImage].scale) }

    var scaleBuffer: GuardedBuffer<Float> { GuardedBuffer(scales.map(\.scale)) }
  }

  private static func bound(_ point: Int, _ side: (Int) -> Float) -> Double {
    Double(side(point / 6)) * Double(side(point % 6))
  }

  @Test(arguments: InstructionSet.all, [3, 5])
  func input(set: InstructionSet, kernel: Int) {
    let lanes = set.kernels.lanes
    for size in Self.sizes {
      let sample = Sample(
        size, kernel: kernel, lanes, limit: Int16Products.dataLimit, set.kernels)
      let pointStride = sample.tiles * lanes + 32
      let scales = sample.scaleBuffer
      let channels = GuardedBuffer(int16: 2 * 36 * pointStride - 32)
      let tiles = GuardedBuffer(int16: 2 * 36 * pointStride - 32)
      for (layout, to) in [(Int16Pairs.channels, channels), (.tiles, tiles)] {
        set.kernels.winogradInputInt16(
          sample.tiling, sample.area(), scales: scales.pointer, pairs: layout, to: to.pointer,
          pointStride: pointStride)
      }
      var worst = 0.0
      for (number, group, lane) in sample.numbers {
        let expected = WinogradOracle.transform(
          sample.tile(number, group, lane, size: 6, before: kernel / 2),
          by: WinogradOracle.inputMatrix)
        for point in 0..<36 {
          let plane = (group * 36 + point) * pointStride
          let one = channels[plane + number * lanes + lane]
          let other = tiles[plane + number / 2 * 2 * lanes + 2 * lane + number % 2]
          #expect(one == other)
          let wanted =
            expected[point] * sample.scale(number) / Self.bound(point, Int16Products.inputBound)
          worst = max(worst, abs(Double(one) - wanted))
        }
      }
      // A half for rounding, the rest for the float32 before it.
      #expect(worst < 0.52, "\(size)")
      #expect(channels.isIntact && tiles.isIntact)
    }
  }

  @Test(arguments: InstructionSet.all, [3, 5])
  func inputFromBFloat16(set: InstructionSet, kernel: Int) {
    let lanes = set.kernels.lanes
    let tiling = WinogradTiling(height: 8, width: 12, kernel: kernel, pairs: true)
    let narrow = GuardedBuffer(halves: Samples.uniform(96 * lanes, seed: 3))
    let wide = GuardedBuffer(narrow.array.map(\.float))
    let scales = GuardedBuffer([Float(1000)])
    let stride = 8 * lanes
    for layout in [Int16Pairs.channels, .tiles] {
      let results = [
        Values(base: narrow.pointer, storage: .bfloat16), Values(wide.pointer),
      ].map { images in
        let to = GuardedBuffer(int16: 36 * stride)
        set.kernels.winogradInputInt16(
          tiling,
          WinogradTiles(images: images, imageGroups: 1, groups: 0..<1, tiles: 0..<8),
          scales: scales.pointer, pairs: layout, to: to.pointer, pointStride: stride)
        return to.array
      }
      #expect(results[0] == results[1])
    }
  }

  @Test(arguments: InstructionSet.all, [3, 5])
  func gradient(set: InstructionSet, kernel: Int) {
    let lanes = set.kernels.lanes
    let panel = set.kernels.panelLanes
    for size in Self.sizes {
      let sample = Sample(
        size, kernel: kernel, lanes, limit: Int16Products.gradientLimit, set.kernels)
      let pointStride = sample.tiles * panel + 32
      let scales = sample.scaleBuffer
      let to = GuardedBuffer(int16: 36 * pointStride - 32)
      set.kernels.winogradGradientInt16(
        sample.tiling, sample.area(), scales: scales.pointer, to: to.pointer,
        pointStride: pointStride)
      var worst = 0.0
      for (number, group, lane) in sample.numbers {
        let expected = WinogradOracle.transform(
          sample.tile(number, group, lane, size: 7 - kernel, before: 0),
          by: WinogradOracle.outputMatrix(kernel: kernel))
        for point in 0..<36 {
          let place = number / 2 * 2 * panel + 2 * (group * lanes + lane) + number % 2
          let wanted =
            expected[point] * sample.scale(number)
            / Self.bound(point) { Int16Products.gradientBound($0, outputTile: 7 - kernel) }
          worst = max(worst, abs(Double(to[point * pointStride + place]) - wanted))
        }
      }
      #expect(worst < 0.52, "\(size)")
      #expect(to.isIntact)
    }
  }

  /// The bounds are what the matrices allow, and not more than a rounding error above it.
  @Test func bounds() {
    for point in 0..<6 {
      func check(_ matrix: [[Double]], _ bound: Float) {
        #expect(abs(Double(bound) - matrix[point].reduce(0) { $0 + abs($1) }) < 1e-6)
      }
      check(WinogradOracle.inputMatrix, Int16Products.inputBound(point))
      for kernel in [3, 5] {
        check(
          WinogradOracle.outputMatrix(kernel: kernel),
          Int16Products.gradientBound(point, outputTile: 7 - kernel))
      }
    }
    // In whole numbers, as no float32 holds them.
    let (data, filters) = (Int(Int16Products.dataLimit), Int(Int16Products.filterLimit))
    #expect(data * filters < 1 << 31 && data < 1 << 15)
    let (x, dy) = (Int(Int16Products.imageLimit), Int(Int16Products.gradientLimit))
    #expect(x * dy * Int16Products.sumTiles < 1 << 31)
    #expect(Int16Products.sumInputs % 16 == 0)
  }

  /// Rounded filters are within half a step, and neither they nor their sums leave the range.
  @Test(arguments: InstructionSet.all, [false, true])
  func filters(set: InstructionSet, rotated: Bool) {
    for kernel in [3, 5] { checkFilters(set, rotated: rotated, kernel: kernel) }
  }

  private func checkFilters(_ set: InstructionSet, rotated: Bool, kernel: Int) {
    let count = kernel * kernel
    let (lanes, panel) = (set.kernels.lanes, set.kernels.panelLanes)
    let shape = ConvolutionShape(
      inputChannels: 70, outputChannels: 100, height: 4, width: 4, kernel: kernel,
      padding: kernel / 2)
    var values = Samples.uniform(100 * 70 * count, seed: 5)
    // Filters of one output that nothing passes, and some that are much larger than others.
    for i in 0..<(70 * count) {
      values[3 * 70 * count + i] = 0
      values[4 * 70 * count + i] *= 1e5
    }
    let filters = GuardedBuffer(values)
    let (inputs, outputs) = rotated ? (100, 70) : (70, 100)
    let (groups, panels) = (blocks(inputs, of: lanes), blocks(outputs, of: panel))
    let padded = groups * lanes
    let transformed = GuardedBuffer(int16: panels * 36 * padded * panel)
    let scales = GuardedBuffer(output: panels * 36 * panel)
    let scratch = GuardedBuffer(output: 36 * padded * lanes)
    for index in 0..<(panels * panel / lanes) {
      set.kernels.winogradFiltersInt16(
        shape, filters.pointer, to: transformed.pointer, scales: scales.pointer, rotated: rotated,
        panel: index / 2, vector: index % 2, scratch: scratch.pointer)
    }
    for (output, input) in [(0, 0), (3, 1), (4, 69), (69, 33), (31, 12)] {
      let first = (rotated ? input * 70 + output : output * 70 + input) * count
      let taps = Array(values[first..<(first + count)]).doubles
      let expected = WinogradOracle.transform(
        rotated ? taps.reversed() : taps, by: WinogradOracle.filterMatrix(kernel: kernel))
      for point in 0..<36 {
        let place = output / panel * 36 + point
        let scale =
          Double(scales[place * panel + output % panel])
          / Self.bound(point, Int16Products.inputBound)
        let value = transformed[
          (place * padded / 2 + input / 2) * panel * 2 + output % panel * 2 + input % 2]
        #expect(abs(Double(value) * scale - expected[point]) <= 0.51 * scale + 1e-35)
      }
    }
    for place in 0..<(panels * 36) {
      for output in 0..<panel {
        for run in stride(from: 0, to: padded, by: Int16Products.sumInputs) {
          let sum = (run..<min(padded, run + Int16Products.sumInputs)).reduce(0) { sum, input in
            sum
              + abs(
                Int(
                  transformed[(place * padded / 2 + input / 2) * panel * 2 + output * 2 + input % 2]
                ))
          }
          #expect(sum <= Int(Int16Products.filterLimit))
        }
      }
    }
    #expect(transformed.array.allSatisfy { $0 > -32767 && $0 < 32767 })
    #expect(transformed.isIntact && scales.isIntact && scratch.isIntact)
  }

  @Test(arguments: InstructionSet.all)
  func largestMagnitude(set: InstructionSet) {
    let lanes = set.kernels.lanes
    for vectors in [1, 3, 4, 9] {
      var values = Samples.uniform(vectors * lanes, seed: 6)
      values[vectors * lanes / 2] = -3
      func largest() -> Float {
        let buffer = GuardedBuffer(values)
        let narrow = GuardedBuffer(halves: values)
        let count = vectors * lanes
        let one = set.kernels.largestMagnitude(Values(buffer.pointer), count: count)
        let other = set.kernels.largestMagnitude(
          Values(base: narrow.pointer, storage: .bfloat16), count: count)
        #expect(one == other || one.isNaN && other.isNaN)
        return one
      }
      #expect(largest() == 3)
      values[0] = -.infinity
      #expect(largest() == .infinity)
      values[vectors * lanes - 1] = .nan
      #expect(largest().isNaN)
    }
  }

  @Test func scaleOfAnImage() {
    let scale = ImageScale(largest: 2, limit: 100)
    #expect(scale.scale == 50 && scale.inverse == 0.02)
    let zeros = ImageScale(largest: 0, limit: 100)
    #expect(zeros.scale.isFinite && zeros.inverse > 0)
    #expect(ImageScale(largest: .nan, limit: 100).inverse.isNaN)
    #expect(ImageScale(largest: .infinity, limit: 100).inverse == .infinity)
  }

  /// What takes both scales back is a power of four, and the gradients lose two bits at most.
  @Test func scaleOfGradients() {
    let limit = Int16Products.gradientLimit
    for size: Float in [1e-15, 3e-7, 0.25, 1, 1.7, 2, 4, 1e9] {
      let images = ImageScale(largest: 3 * size, limit: Int16Products.imageLimit)
      for largest: Float in [1e-12, 0.01, 0.5, 0.9, 1, 3, 5000] {
        let scale = FilterGradientScale(largest: largest, images: images)
        #expect(scale.inverseOfBoth.significand == 1 && scale.inverseOfBoth.exponent % 2 == 0)
        let rounded = scale.scale * largest
        #expect(rounded <= limit * 1.000_001 && rounded > limit / 4.000_01)
        #expect(abs(scale.scale * images.scale * scale.inverseOfBoth - 1) < 1e-6)
      }
    }
    let images = ImageScale(largest: 2, limit: Int16Products.imageLimit)
    for empty in [
      FilterGradientScale(largest: 0, images: images),
      FilterGradientScale(largest: 1, images: ImageScale(largest: 0, limit: 100)),
      FilterGradientScale(largest: 0, images: ImageScale(largest: 0, limit: 100)),
    ] {
      #expect(empty.scale.isFinite && empty.scale > 0 && empty.inverseOfBoth > 0)
    }
    #expect(FilterGradientScale(largest: .nan, images: images).inverseOfBoth.isNaN)
    #expect(FilterGradientScale(largest: .infinity, images: images).inverseOfBoth == .infinity)
  }
}

extension WinogradInt16TransformTests.Sample {
  /// Some (tile, group, lane).
  fileprivate var numbers: [(Int, Int, Int)] {
    (0..<tiles).flatMap { tile in
      (0..<groups).flatMap { group in [0, lanes - 1].map { (tile, group, $0) } }
    }
  }
}
