import Kernels
import TestSupport
import Testing

/// Means of planes, (pixels, lanes), and of their squares.
@Suite(.onBothSides) struct AverageTests {
  @Test(arguments: InstructionSet.all, [1, 2, 3, 4, 7, 9, 64])
  func mean(set: InstructionSet, pixels: Int) {
    let lanes = set.kernels.lanes
    let plane = GuardedBuffer(Samples.uniform(pixels * lanes, seed: 1))
    for channels in [1, lanes - 1, lanes] {
      let mean = GuardedBuffer(output: channels)
      set.kernels.planeMean(
        plane.pointer, pixels: pixels, channels: channels, mean: mean.pointer)
      let expected = (0..<channels).map { lane in
        (0..<pixels).reduce(0.0) { $0 + Double(plane[$1 * lanes + lane]) } / Double(pixels)
      }
      #expect(relativeError(mean.array, expected) < 1e-6)
      #expect(mean.isIntact)

      let gradient = GuardedBuffer(Samples.uniform(channels, seed: 2))
      let dx = GuardedBuffer(output: pixels * lanes)
      set.kernels.planeMeanBackward(
        gradient.pointer, pixels: pixels, channels: channels, dx: dx.pointer)
      let shares = (0..<(pixels * lanes)).map { i in
        i % lanes < channels ? Double(gradient[i % lanes]) / Double(pixels) : 0
      }
      #expect(relativeError(dx.array, shares) < 1e-6)
      #expect(dx.isIntact)
    }
  }

  @Test(arguments: InstructionSet.all)
  func averagePool(set: InstructionSet) {
    for (height, width) in SmallImages.sizes { checkPool(set, height, width) }
  }

  private func checkPool(_ set: InstructionSet, _ height: Int, _ width: Int) {
    let lanes = set.kernels.lanes
    let pixels = height * width
    let pooled = (height / 2) * (width / 2)
    let plane = GuardedBuffer(Samples.uniform(pixels * lanes, seed: 1))
    let output = GuardedBuffer(output: pooled * lanes)
    set.kernels.planeAveragePool(
      plane.pointer, height: height, width: width, output: output.pointer)
    func lane(_ buffer: GuardedBuffer<Float>, _ lane: Int, _ count: Int) -> [Double] {
      (0..<count).map { Double(buffer[$0 * lanes + lane]) }
    }
    let gradient = GuardedBuffer(Samples.uniform(pooled * lanes, seed: 2))
    let dx = GuardedBuffer(output: pixels * lanes)
    set.kernels.planeAveragePoolBackward(
      gradient.pointer, height: height, width: width, dx: dx.pointer)
    for l in 0..<lanes {
      let expected = PointwiseOracles.averagePool(
        lane(plane, l, pixels), height: height, width: width)
      #expect(relativeError(lane(output, l, pooled).map(Float.init), expected) < 1e-6)
      for y in 0..<height {
        for x in 0..<width {
          let inside = y / 2 < height / 2 && x / 2 < width / 2
          let from = (y / 2 * (width / 2) + x / 2) * lanes + l
          #expect(dx[(y * width + x) * lanes + l] == (inside ? gradient[from] / 4 : 0))
        }
      }
    }
    #expect(output.isIntact && dx.isIntact)
  }
}
