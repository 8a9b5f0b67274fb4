import CifarCore
import Kernels
import TestSupport
import Testing

@Suite(.onBothSides) struct LayoutTests {
  static let sizes = [(1, 1), (3, 7), (7, 2), (8, 16), (9, 5), (16, 1), (17, 3), (21, 12)]

  @Test(arguments: InstructionSet.all, sizes)
  func channelsLieInGroups(set: InstructionSet, size: (channels: Int, pixels: Int)) {
    let (channels, pixels) = size
    let lanes = set.kernels.lanes
    let plain = GuardedBuffer(Samples.uniform(channels * pixels, seed: 1))  // (C, pixels)
    let expected = BlockedLayout.block(
      plain.array, images: 1, channels: channels, pixels: pixels, lanes: lanes)
    let blocked = GuardedBuffer(output: expected.count)  // (C/lanes, pixels, lanes)
    set.kernels.block(
      plain.pointer, channels: channels, pixels: pixels, to: blocked.pointer)
    #expect(blocked.array == expected)
    #expect(blocked.isIntact)

    let back = GuardedBuffer(output: plain.count)
    set.kernels.unblock(blocked.pointer, channels: channels, pixels: pixels, to: back.pointer)
    #expect(back.array == plain.array)
    #expect(back.isIntact)
  }

  @Test(arguments: InstructionSet.all, [1, 2, 5, 7, 8, 15, 16])
  func columnsOfAMatrixBecomeAPlane(set: InstructionSet, columns: Int) {
    let lanes = set.kernels.lanes
    let columns = min(columns, lanes)
    let (rows, stride) = (3, 19)
    // Neither begins nor ends with a number that is not asked for.
    let needed = (rows - 1) * stride + columns
    let source = GuardedBuffer(Samples.uniform(needed, seed: 1))
    let plane = GuardedBuffer(output: rows * lanes)  // (rows, lanes)
    set.kernels.gatherColumns(
      source.pointer, stride: stride, rows: rows, columns: columns, to: plane.pointer)
    let expected = (0..<(rows * lanes)).map { i in
      i % lanes < columns ? source[i / lanes * stride + i % lanes] : 0
    }
    #expect(plane.array == expected && plane.isIntact)

    let back = GuardedBuffer([Float](repeating: 7, count: needed))
    set.kernels.scatterColumns(
      plane.pointer, to: back.pointer, stride: stride, rows: rows, columns: columns)
    let written = (0..<needed).map { $0 % stride < columns ? source[$0] : 7 }
    #expect(back.array == written && back.isIntact)
  }

  @Test(arguments: InstructionSet.all, [0, 1, 2])
  func anImageGetsAFrameOfZeros(set: InstructionSet, offset: Int) {
    let lanes = set.kernels.lanes
    let (groups, height, width) = (2, 3, 5)
    let (paddedHeight, paddedWidth) = (height + 2 * offset + 1, width + 2 * offset)
    let image = GuardedBuffer(Samples.uniform(groups * height * width * lanes, seed: 2))
    var expected = [Float](repeating: 0, count: groups * paddedHeight * paddedWidth * lanes)
    for i in 0..<image.count {
      let (pixel, lane) = i.quotientAndRemainder(dividingBy: lanes)
      let (y, x) = (pixel / width % height + offset, pixel % width + offset)
      let group = pixel / (width * height)
      expected[((group * paddedHeight + y) * paddedWidth + x) * lanes + lane] = image[i]
    }
    let padded = GuardedBuffer(output: expected.count)
    set.kernels.padImage(
      image.pointer, groups: groups, height: height, width: width,
      to: padded.pointer, paddedHeight: paddedHeight, paddedWidth: paddedWidth,
      offset: offset)
    #expect(padded.array == expected)
    #expect(padded.isIntact)
  }

  @Test func theBestTableIsLastAndInUse() throws {
    #expect(Kernels.available.first?.name == "baseline")
    #expect(Set(Kernels.available.map(\.name)).count == Kernels.available.count)
    let best = try #require(Kernels.available.last?.name)
    let requested = try? Environment.instructionSet.get()?.rawValue
    let isThere = Kernels.available.contains { $0.name == requested }
    #expect(Kernels.current.name == (isThere ? requested : best))
  }
}
