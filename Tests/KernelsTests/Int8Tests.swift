import Kernels
import TestSupport
import Testing

/// Images as bytes: rounding, Winograd's transforms of them, and whole convolutions.
@Suite(.onBothSides) struct Int8Tests {
  private static let kinds: [(Storage, ClosedRange<Int>)] = [
    (.uint8, 0...255), (.int8, -128...127),
  ]

  /// Whole numbers over the whole range, its ends included.
  private static func bytes(_ count: Int, _ range: ClosedRange<Int>, seed: UInt64) -> [Int] {
    var numbers = Samples.uniform(
      count, seed: seed, Float(range.lowerBound), Float(range.upperBound)
    ).map { Int($0.rounded()) }
    for i in stride(from: 0, to: count, by: 7) { numbers[i] = range.upperBound }
    for i in stride(from: 3, to: count, by: 11) { numbers[i] = range.lowerBound }
    return numbers
  }

  private static func stored(_ numbers: [Int]) -> GuardedBuffer<UInt8> {
    let buffer = GuardedBuffer<UInt8>(outputBytes: numbers.count)
    for (i, number) in numbers.enumerated() {
      buffer.pointer[i] = UInt8(truncatingIfNeeded: number)
    }
    return buffer
  }

  private static func numbers(_ buffer: GuardedBuffer<UInt8>, _ storage: Storage) -> [Int] {
    buffer.array.map { storage == .uint8 ? Int($0) : Int(Int8(bitPattern: $0)) }
  }

  @Test(arguments: InstructionSet.all)
  func rounding(set: InstructionSet) {
    let kernels = set.kernels
    let count = 4 * kernels.lanes
    let step: Float = 0.25
    for (storage, range) in Self.kinds {
      var x = Samples.uniform(count, seed: 1, -50, 100)
      x.replaceSubrange(0..<8, with: [0, 0.125, 0.375, -0.125, 1e30, -1e30, .infinity, -.infinity])
      let floats = GuardedBuffer(x)
      let bytes = GuardedBuffer<UInt8>(outputBytes: count)
      let values = Values(base: bytes.pointer, storage: storage, step: step)
      kernels.quantize(floats.pointer, count: count, to: values)
      let expected = PointwiseOracles.quantize(x.doubles, scale: Double(step), range)
      let back = GuardedBuffer(output: count)
      kernels.dequantize(values, count: count, to: back.pointer)
      #expect(back.array.doubles == expected)
      // The same in float32, of any number of them.
      for some in [1, 5, count - 3, count] {
        let output = GuardedBuffer(output: some)
        let part = GuardedBuffer(Array(x.prefix(some)))
        kernels.quantize(
          part.pointer, count: some, scale: step,
          range: Float(range.lowerBound)...Float(range.upperBound), output: output.pointer)
        #expect(output.array.doubles == Array(expected.prefix(some)))
      }
      #expect(bytes.isIntact && back.isIntact)
    }
  }

  @Test(arguments: InstructionSet.all, [1, 3, 17])
  func blocking(set: InstructionSet, channels: Int) {
    let kernels = set.kernels
    let groups = blocks(channels, of: kernels.lanes)
    for pixels in [1, 35, 64] {
      let x = Samples.uniform(channels * pixels, seed: 1, -3, 3)
      let planar = GuardedBuffer(x)
      for (storage, range) in Self.kinds {
        let bytes = GuardedBuffer<UInt8>(outputBytes: groups * pixels * kernels.lanes)
        kernels.blockQuantized(
          planar.pointer, channels: channels, pixels: pixels,
          to: Values(base: bytes.pointer, storage: storage, step: 0.02))
        let wanted = PointwiseOracles.quantize(x.doubles, scale: Double(Float(0.02)), range)
          .map { Float(($0 / Double(Float(0.02))).rounded()) }
        #expect(
          Self.numbers(bytes, storage).map(Float.init)
            == BlockedLayout.block(
              wanted, images: 1, channels: channels, pixels: pixels, lanes: kernels.lanes))
        #expect(bytes.isIntact)
      }
    }
  }

  @Test(arguments: InstructionSet.all)
  func sums(set: InstructionSet) {
    let kernels = set.kernels
    let count = 5 * kernels.lanes
    let first = Self.bytes(count, 0...255, seed: 1)
    let second = Self.bytes(count, -128...127, seed: 2)
    let floats = Samples.uniform(count, seed: 3, -9, 9)
    let (firstBytes, secondBytes) = (Self.stored(first), Self.stored(second))
    let floatBuffer = GuardedBuffer(floats)
    let terms: [(Values, [Double])] = [
      (
        Values(base: firstBytes.pointer, storage: .uint8, step: 0.5), first.map { Double($0) / 2 }
      ),
      (
        Values(base: secondBytes.pointer, storage: .int8, step: 0.25),
        second.map { Double($0) / 4 }
      ),
      (Values(floatBuffer.pointer), floats.doubles),
    ]
    for (x, xs) in terms {
      for (other, others) in terms {
        for relu in [false, true] {
          let exact = zip(xs, others).map { relu ? max(0, $0 + $1) : $0 + $1 }
          let sum = GuardedBuffer(output: count)
          kernels.addQuantized(x, other, count: count, relu: relu, sum: Values(sum.pointer))
          #expect(zip(sum.array, exact).allSatisfy { abs(Double($0) - $1) <= 1e-5 })
          let bytes = GuardedBuffer<UInt8>(outputBytes: count)
          kernels.addQuantized(
            x, other, count: count, relu: relu,
            sum: Values(base: bytes.pointer, storage: .int8, step: 2))
          let rounded = PointwiseOracles.quantize(exact, scale: 2, -128...127)
          #expect(
            zip(Self.numbers(bytes, .int8), zip(rounded, exact)).allSatisfy { number, both in
              // Half a step may go either way.
              let isHalf = abs(abs((both.1 / 2).truncatingRemainder(dividingBy: 1)) - 0.5) < 1e-5
              return Double(2 * number) == both.0
                || isHalf && abs(Double(2 * number) - both.1) < 1.01
            })
        }
      }
    }
  }

  /// Bᵀ as `WinogradIntegers` has it, for tiles of whole numbers: exact.
  private static let inputMatrix: [[Int]] = [
    [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
  ]

  @Test(arguments: InstructionSet.all)
  func winogradInput(set: InstructionSet) {
    let lanes = set.kernels.lanes
    let (images, groups) = (2, 2)
    for size in WinogradInt16TransformTests.sizes {
      for (storage, range) in Self.kinds {
        let tiling = WinogradTiling(height: size.0, width: size.1, pairs: true)
        let numbers = Self.bytes(images * groups * size.0 * size.1 * lanes, range, seed: 1)
        let bytes = Self.stored(numbers)
        let tiles = images * tiling.tilesPerImage
        let pointStride = tiles * lanes + 32
        let points = GuardedBuffer(int16: groups * 36 * pointStride - 32)
        set.kernels.winogradInputInt8(
          tiling,
          WinogradTiles(
            images: Values(base: bytes.pointer, storage: storage), imageGroups: groups,
            groups: 0..<groups, tiles: 0..<tiles), to: points.pointer, pointStride: pointStride)
        for tile in 0..<tiles {
          let (image, place) = tile.quotientAndRemainder(dividingBy: tiling.tilesPerImage)
          let (row, column) = place.quotientAndRemainder(dividingBy: tiling.columns)
          for group in 0..<groups {
            let plane = (image * groups + group) * size.0 * size.1
            for lane in 0..<lanes {
              let d = (0..<36).map { i in
                let (y, x) = (4 * row + i / 6 - 1, 4 * column + i % 6 - 1)
                guard (0..<size.0).contains(y), (0..<size.1).contains(x) else { return 0 }
                return numbers[(plane + y * size.1 + x) * lanes + lane]
              }
              var isRight = true
              for v in 0..<6 {
                let columns = (0..<6).map { x in
                  (0..<6).reduce(0) { $0 + Self.inputMatrix[v][$1] * d[$1 * 6 + x] }
                }
                for u in 0..<6 {
                  let wanted = (0..<6).reduce(0) { $0 + Self.inputMatrix[u][$1] * columns[$1] }
                  let point = (group * 36 + v * 6 + u) * pointStride
                  isRight = isRight && Int(points[point + tile * lanes + lane]) == wanted
                  isRight = isRight && abs(wanted) <= WinogradIntegers.dataLimit
                }
              }
              #expect(isRight, "\(size), tile \(tile), lane \(lane)")
            }
          }
        }
        #expect(points.isIntact)
      }
    }
  }

  /// Transformed, multiplied and transformed back: the convolution of the bytes.
  @Test(arguments: InstructionSet.all)
  func winogradConvolution(set: InstructionSet) {
    for (inputs, outputs, height, width) in [(16, 32, 8, 8), (35, 18, 6, 12), (130, 16, 4, 10)] {
      for (storage, range) in Self.kinds {
        let shape = ConvolutionShape(
          inputChannels: inputs, outputChannels: outputs, height: height, width: width, kernel: 3,
          stride: 1, padding: 1, paddingAfter: 1)
        check(set, shape, storage, range)
      }
    }
  }

  private func check(
    _ set: InstructionSet, _ shape: ConvolutionShape, _ storage: Storage, _ range: ClosedRange<Int>
  ) {
    let kernels = set.kernels
    let (lanes, panel) = (kernels.lanes, kernels.panelLanes)
    let pixels = shape.height * shape.width
    let numbers = Self.bytes(shape.inputChannels * pixels, range, seed: 1)
    let filters = Samples.uniform(shape.outputChannels * shape.inputChannels * 9, seed: 2)
    let bias = Samples.uniform(shape.outputChannels, seed: 3, -50, 50)
    let blocked = BlockedLayout.block(
      numbers.map(Float.init), images: 1, channels: shape.inputChannels, pixels: pixels,
      lanes: lanes)
    let image = Self.stored(blocked.map { Int($0) })
    let (groups, panels) = (
      blocks(shape.inputChannels, of: lanes), blocks(shape.outputChannels, of: panel)
    )
    let tiling = WinogradTiling(height: shape.height, width: shape.width, pairs: true)
    let tiles = tiling.tilesPerImage
    let packs = blocks(tiles, of: Winograd.packTiles)
    let stride = packs * Winograd.packTiles * lanes
    let weights = GuardedBuffer(filters)
    let packed = GuardedBuffer(int16: panels * 36 * groups * lanes * panel)
    let scales = GuardedBuffer(output: panels * 36 * panel)
    let scratch = GuardedBuffer(output: 36 * groups * lanes * lanes)
    for index in 0..<panels {
      for vector in 0..<(panel / lanes) {
        kernels.winogradFiltersInt8(
          shape, weights.pointer, to: packed.pointer, scales: scales.pointer, panel: index,
          vector: vector, scratch: scratch.pointer)
      }
    }
    let points = GuardedBuffer(int16: groups * 36 * stride)
    kernels.winogradInputInt8(
      tiling,
      WinogradTiles(
        images: Values(base: image.pointer, storage: storage), imageGroups: groups,
        groups: 0..<groups, tiles: 0..<tiles), to: points.pointer, pointStride: stride)
    let product = GuardedBuffer(output: packs * 36 * Winograd.packTiles * panel)
    let paddedBias = GuardedBuffer(
      bias + [Float](repeating: 0, count: panels * panel - shape.outputChannels))
    let outputGroups = blocks(shape.outputChannels, of: lanes)
    func run(relu: Bool, pools: Bool, to images: Values) {
      for index in 0..<panels {
        kernels.winogradMultiplyInt16(
          points.pointer, pointStride: stride, tiles: tiles, groups: groups,
          filters: packed.pointer + index * 36 * groups * lanes * panel,
          scales: scales.pointer + index * 36 * panel, product: product.pointer,
          prefetch: PrefetchRanges())
        kernels.winogradOutputInt8(
          tiling, product.pointer, first: 0, count: tiles, bias: paddedBias.pointer, relu: relu,
          pools: pools, to: images, groups: outputGroups, panel: index)
      }
    }
    let expected = ConvolutionOracle(shape, images: 1).forward(
      numbers.map(Double.init), filters.doubles, bias: bias.doubles)
    let y = GuardedBuffer(output: outputGroups * pixels * lanes)
    run(relu: false, pools: false, to: Values(y.pointer))
    let plain = BlockedLayout.unblock(
      y.array, images: 1, channels: shape.outputChannels, pixels: pixels, lanes: lanes)
    let error = relativeError(plain, expected)
    #expect(error < 2e-3, "\(shape): \(error)")
    // To bytes, after a ReLU and a pool: what the floats round to.
    let pooled = PointwiseOracles.maxPool(
      plain.doubles, height: shape.height, width: shape.width, rows: 2, columns: 2)
    for (kind, limits) in Self.kinds {
      for (pools, values, count) in [(false, plain.doubles, pixels), (true, pooled, pixels / 4)] {
        for relu in [false, true] {
          let bytes = GuardedBuffer<UInt8>(outputBytes: outputGroups * count * lanes)
          run(relu: relu, pools: pools, to: Values(base: bytes.pointer, storage: kind))
          let rounded = PointwiseOracles.quantize(
            values.map { relu ? max(0, $0) : $0 }, scale: 1, limits)
          let result = BlockedLayout.unblock(
            Self.numbers(bytes, kind).map(Float.init), images: 1, channels: shape.outputChannels,
            pixels: count, lanes: lanes)
          #expect(result.doubles == rounded, "\(shape), \(kind), pool \(pools), ReLU \(relu)")
          #expect(bytes.isIntact)
        }
      }
    }
    #expect(y.isIntact && product.isIntact && points.isIntact && packed.isIntact)
  }

  /// The largest bytes and filters that there can be: no sum overflows.
  @Test(arguments: InstructionSet.all)
  func extremes(set: InstructionSet) {
    let kernels = set.kernels
    let (lanes, panel) = (kernels.lanes, kernels.panelLanes)
    let groups = 64 / lanes
    let stride = 6 * lanes
    let data = GuardedBuffer(int16: groups * 36 * stride)
    for i in 0..<data.count { data.pointer[i] = Int16(WinogradIntegers.dataLimit) }
    // As many filters as have the largest sum, each as large as an int16 may be.
    let largest = Int(WinogradIntegers.filterLimit) / 64
    let filters = GuardedBuffer(int16: 36 * groups * lanes * panel)
    for i in 0..<filters.count { filters.pointer[i] = Int16(largest) }
    let scales = GuardedBuffer([Float](repeating: 1, count: 36 * panel))
    let product = GuardedBuffer(output: 36 * 6 * panel)
    kernels.winogradMultiplyInt16(
      data.pointer, pointStride: stride, tiles: 6, groups: groups, filters: filters.pointer,
      scales: scales.pointer, product: product.pointer, prefetch: PrefetchRanges())
    let sum = Double(64 * largest) * Double(WinogradIntegers.dataLimit)
    #expect(sum < 0x1p31)
    #expect(product.array.allSatisfy { abs(Double($0) - sum) <= sum * 1e-7 })
  }

  /// A direct convolution takes bytes as they are, and writes them.
  @Test(arguments: InstructionSet.all)
  func directConvolution(set: InstructionSet) {
    let kernels = set.kernels
    let (lanes, panel) = (kernels.lanes, kernels.panelLanes)
    for (storage, range) in Self.kinds {
      let shape = ConvolutionShape(
        inputChannels: 3, outputChannels: 18, height: 7, width: 6, kernel: 3, stride: 2, padding: 1,
        paddingAfter: 1)
      let numbers = Self.bytes(3 * 42, range, seed: 1)
      let filters = Samples.uniform(18 * 27, seed: 2)
      let image = Self.stored(
        BlockedLayout.block(
          numbers.map(Float.init), images: 1, channels: 3, pixels: 42, lanes: lanes
        ).map { Int($0) })
      let frame = GuardedBuffer(int16: shape.paddedHeight * shape.paddedWidth * lanes)
      let scale = kernels.int16Frame(
        Values(base: image.pointer, storage: storage), groups: 1, height: 7, width: 6,
        limit: Int16Products.plainLimit, to: frame.pointer, paddedHeight: shape.paddedHeight,
        paddedWidth: shape.paddedWidth, offset: 1)
      #expect(scale == 1)
      let panels = blocks(18, of: panel)
      let weights = GuardedBuffer(filters)
      let packed = GuardedBuffer(int16: panels * 9 * 4 * panel)
      let scales = GuardedBuffer(output: panels * panel)
      kernels.packFiltersInt16(
        shape, weights.pointer, to: packed.pointer, scales: scales.pointer, rotated: false)
      let pixels = shape.outputHeight * shape.outputWidth
      let groups = blocks(18, of: lanes)
      func run(_ output: Values) {
        kernels.convolveInt16(
          shape, padded: frame.pointer, imageScale: scale, packed: packed.pointer,
          scales: scales.pointer, bias: nil, relu: false, rows: 0..<shape.outputHeight,
          output: output)
      }
      let y = GuardedBuffer(output: groups * pixels * lanes)
      run(Values(y.pointer))
      let plain = BlockedLayout.unblock(
        y.array, images: 1, channels: 18, pixels: pixels, lanes: lanes)
      let expected = ConvolutionOracle(shape, images: 1).forward(
        numbers.map(Double.init), filters.doubles)
      #expect(relativeError(plain, expected) < 4e-4)
      for (kind, limits) in Self.kinds {
        let bytes = GuardedBuffer<UInt8>(outputBytes: y.count)
        run(Values(base: bytes.pointer, storage: kind))
        #expect(
          Self.numbers(bytes, kind).map(Double.init)
            == PointwiseOracles.quantize(y.array.doubles, scale: 1, limits))
        #expect(bytes.isIntact)
      }
    }
  }
}
