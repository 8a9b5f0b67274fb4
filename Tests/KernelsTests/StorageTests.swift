import Kernels
import TestSupport
import Testing

/// bfloat16: rounding, and the kernels that read and write it.
@Suite(.onBothSides) struct StorageTests {
  /// The nearest number with 8 binary digits, ties to even, as the definition says.
  private static func rounded(_ x: Float) -> Float {
    guard x.isFinite else { return x }
    let below = Float(bitPattern: x.bitPattern & 0xFFFF_0000)
    let above = Double(Float(bitPattern: below.bitPattern &+ 0x1_0000))
    // Beyond the largest number the next one would be 2¹²⁸.
    let next = above.isFinite ? above : Double(sign: x.sign, exponent: 128, significand: 1)
    let (down, up) = (abs(Double(x) - Double(below)), abs(next - Double(x)))
    let isEven = below.bitPattern & 0x1_0000 == 0
    return down < up || (down == up && isEven) ? below : Float(above)
  }

  private static let special: [Float] = [
    0, -0.0, 1, -1, 1.0 + 0x1p-8, 1.0 + 0x3p-8, 1.0 + 0x1p-9, 1.0 + 0x1p-8 + 0x1p-20, .infinity,
    -.infinity, .nan, -.nan, Float(bitPattern: 0x7FFF_FFFF), Float(bitPattern: 0x7F80_0001),
    .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNormalMagnitude,
    .leastNonzeroMagnitude, 0x1.FEp127, 3.389531e38, 1e-40, -3.14159,
  ]

  @Test(arguments: InstructionSet.all)
  func rounding(set: InstructionSet) {
    let count = 256
    let values = (Self.special + Samples.uniform(count, seed: 1, -100, 100)).prefix(count)
    let floats = GuardedBuffer(Array(values))
    let bfloat16s = GuardedBuffer<UInt8>(outputBytes: 2 * count)
    let stored = UnsafeMutableRawPointer(bfloat16s.pointer).assumingMemoryBound(to: BFloat16.self)
    let back = GuardedBuffer(output: count)
    set.kernels.narrow(floats.pointer, count: count, to: stored)
    set.kernels.widen(stored, count: count, to: back.pointer)
    for (i, value) in values.enumerated() {
      let expected = Self.rounded(value)
      #expect(
        value.isNaN ? back[i].isNaN : back[i].bitPattern == expected.bitPattern, "\(value)")
      #expect(stored[i].float.bitPattern == back[i].bitPattern)
    }
    #expect(bfloat16s.isIntact && back.isIntact)
  }

  /// The transforms of stored images are those of the same numbers as float32, and what they store
  /// is the rounded float32: no other rounding anywhere.
  @Test(arguments: InstructionSet.all, [(12, 12), (9, 7), (3, 5), (1, 1), (2, 3), (3, 1), (4, 2)])
  func winogradTransforms(set: InstructionSet, size: (height: Int, width: Int)) {
    let kernels = set.kernels
    let lanes = kernels.lanes
    let (images, groups) = (2, 2)
    let tiling = WinogradTiling(height: size.height, width: size.width)
    let tiles = images * tiling.tilesPerImage
    let count = images * groups * size.height * size.width * lanes
    let floats = GuardedBuffer(Samples.uniform(count, seed: 1).map(Self.rounded))
    let bfloat16s = GuardedBuffer<UInt8>(outputBytes: 2 * count)
    let stored = UnsafeMutableRawPointer(bfloat16s.pointer)
    kernels.narrow(floats.pointer, count: count, to: stored.assumingMemoryBound(to: BFloat16.self))
    let values = Values(base: stored, storage: .bfloat16)
    let packs = blocks(tiles, of: Winograd.packTiles)
    let stride = Winograd.points * Winograd.packTiles * groups * lanes
    let transforms = [Values(floats.pointer), values].map { source in
      let points = GuardedBuffer(output: packs * stride)
      kernels.winogradInput(
        tiling,
        WinogradTiles(
          images: source, imageGroups: groups, groups: 0..<groups, tiles: 0..<tiles),
        to: points.pointer, packStride: stride)
      #expect(points.isIntact)
      return points.array.map(\.bitPattern)  // some are not written
    }
    #expect(transforms[0] == transforms[1])

    let panel = kernels.panelLanes
    let product = GuardedBuffer(
      Samples.uniform(packs * Winograd.points * Winograd.packTiles * panel, seed: 2))
    for (target, relu) in [(Values(floats.pointer), true), (values, true)] {
      kernels.winogradOutput(
        tiling, product.pointer, first: 0, count: tiles, scales: nil, bias: nil, relu: relu,
        to: target,
        groups: groups, panel: 0)
    }
    let back = GuardedBuffer(output: count)
    kernels.widen(values.bfloat16s, count: count, to: back.pointer)
    let written = min(groups, panel / lanes)
    let plane = size.height * size.width * lanes
    for image in 0..<images {
      let range = (image * groups * plane)..<((image * groups + written) * plane)
      #expect(range.allSatisfy { back[$0] == Self.rounded(floats[$0]) })
    }
    #expect(bfloat16s.isIntact && floats.isIntact)
  }

  /// The kernels on planes make the same numbers of a stored plane as of its float32.
  @Test(arguments: InstructionSet.all, [(4, 6), (5, 3), (1, 1), (1, 2), (2, 1), (2, 2), (3, 3)])
  func planes(set: InstructionSet, size: (height: Int, width: Int)) {
    let kernels = set.kernels
    let pixels = size.height * size.width
    let sample = PlaneSample(kernels.lanes, pixels: pixels)
    let (lanes, count) = (sample.lanes, pixels * sample.lanes)
    let outputs = (size.height / 2) * (size.width / 2) * lanes
    let bfloat16s = GuardedBuffer<UInt8>(outputBytes: 2 * count)
    let stored = Values(base: UnsafeMutableRawPointer(bfloat16s.pointer), storage: .bfloat16)
    kernels.narrow(sample.plane.pointer, count: count, to: stored.bfloat16s)
    let floats = GuardedBuffer(sample.plane.array.map(Self.rounded))
    let gradient = GuardedBuffer(Samples.uniform(count, seed: 9))
    let made = [Values(floats.pointer), stored].map { plane in
      let sums = (0..<5).map { _ in GuardedBuffer(output: lanes) }
      let full = (0..<2).map { _ in GuardedBuffer(output: count) }
      let pooled = (0..<2).map { _ in GuardedBuffer(output: outputs) }
      let choice = GuardedBuffer(outputBytes: outputs)
      let dx = GuardedBuffer(output: count)
      let (scale, offset) = (sample.scale.pointer, sample.offset.pointer)
      kernels.planeMoments(
        plane, pixels: pixels, shift: sums[4].pointer, sum: sums[0].pointer,
        squares: sums[1].pointer)
      kernels.planeForward(
        plane, pixels: pixels, scale: scale, offset: offset, relu: true, output: full[0].pointer)
      kernels.planeForwardPool(
        plane, height: size.height, width: size.width, scale: scale, offset: offset, relu: true,
        output: pooled[0].pointer, choice: choice.pointer, chosen: pooled[1].pointer)
      kernels.planeBackwardMoments(
        plane, gradient: gradient.pointer, pixels: pixels, scale: scale, offset: offset,
        relu: true, mean: sample.mean.pointer, sum: sums[2].pointer, products: sums[3].pointer)
      kernels.planeBackward(
        plane, gradient: gradient.pointer, pixels: pixels, scale: scale, offset: offset,
        relu: true, slope: sample.slope.pointer, constant: sample.constant.pointer,
        dx: full[1].pointer)
      kernels.planeBackwardPool(
        plane, gradient: gradient.pointer, choice: choice.pointer, height: size.height,
        width: size.width, scale: scale, slope: sample.slope.pointer,
        constant: sample.constant.pointer, dx: dx.pointer)
      let broken = (sums + full + pooled + [dx]).filter { !$0.isIntact }
      #expect(broken.isEmpty)
      return (sums + full + pooled + [dx]).map(\.array) + [choice.array.map(Float.init)]
    }
    #expect(made[0] == made[1])
    #expect(bfloat16s.isIntact)
  }
}
