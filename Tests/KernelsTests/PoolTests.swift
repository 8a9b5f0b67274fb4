import Kernels
import TestSupport
import Testing

/// Batch normalisation, ReLU and 2×2 max-pooling over one plane, (H, W, lanes).
@Suite(.onBothSides) struct PoolTests {
  @Test(arguments: InstructionSet.all)
  func forwardAndBackward(set: InstructionSet) {
    for (height, width) in SmallImages.sizes + [(8, 6), (3, 5)] { check(set, height, width) }
  }

  private func check(_ set: InstructionSet, _ height: Int, _ width: Int) {
    let sample = PlaneSample(set.kernels.lanes, pixels: height * width)
    let lanes = sample.lanes
    let outputs = (height / 2) * (width / 2) * lanes
    for relu in [false, true] {
      let output = GuardedBuffer(output: outputs)
      let choice = GuardedBuffer(outputBytes: outputs)
      let chosen = GuardedBuffer(output: outputs)
      set.kernels.planeForwardPool(
        Values(sample.plane.pointer), height: height, width: width, scale: sample.scale.pointer,
        offset: sample.offset.pointer, relu: relu, output: output.pointer, choice: choice.pointer,
        chosen: chosen.pointer)
      let winners = winners(sample, height: height, width: width)
      let largest = winners.map { sample.z[$0.index] }
      #expect(
        relativeError(output.array, relu ? PointwiseOracles.relu(largest) : largest) < 1e-6)
      #expect(choice.array == winners.map { relu && sample.z[$0.index] <= 0 ? 255 : $0.choice })
      #expect(chosen.array == winners.map { sample.plane[$0.index] })
      #expect(output.isIntact && choice.isIntact && chosen.isIntact)

      let gradient = GuardedBuffer(Samples.uniform(outputs, seed: 9))
      var dz = [Double](repeating: 0, count: height * width * lanes)
      for (i, winner) in winners.enumerated() where !relu || sample.z[winner.index] > 0 {
        dz[winner.index] = Double(gradient[i])
      }
      let sum = GuardedBuffer(output: lanes)
      let products = GuardedBuffer(output: lanes)
      set.kernels.planeBackwardPoolMoments(
        chosen.pointer, gradient: gradient.pointer, choice: choice.pointer,
        pixels: outputs / lanes, mean: sample.mean.pointer, sum: sum.pointer,
        products: products.pointer)
      #expect(relativeError(sum.array, sample.perLane(dz)) < 1e-6)
      let weighted = sample.each { x, lane, i in dz[i] * (x - Double(sample.mean[lane])) }
      #expect(relativeError(products.array, sample.perLane(weighted)) < 1e-6)

      let dx = GuardedBuffer(output: dz.count)
      set.kernels.planeBackwardPool(
        Values(sample.plane.pointer), gradient: gradient.pointer, choice: choice.pointer,
        height: height, width: width, scale: sample.scale.pointer, slope: sample.slope.pointer,
        constant: sample.constant.pointer, dx: dx.pointer)
      #expect(relativeError(dx.array, sample.dx(dz)) < 1e-6)
      #expect(dx.isIntact)
    }
  }

  @Test(arguments: InstructionSet.all)
  func theFirstOfEqualsWins(set: InstructionSet) {
    let lanes = set.kernels.lanes
    let plane = GuardedBuffer([Float](repeating: 2, count: 4 * lanes))
    let ones = GuardedBuffer([Float](repeating: 1, count: lanes))
    let output = GuardedBuffer(output: lanes)
    let choice = GuardedBuffer(outputBytes: lanes)
    set.kernels.planeForwardPool(
      Values(plane.pointer), height: 2, width: 2, scale: ones.pointer, offset: ones.pointer,
      relu: true,
      output: output.pointer, choice: choice.pointer, chosen: nil)
    #expect(choice.array == [UInt8](repeating: 0, count: lanes))
    #expect(output.array == [Float](repeating: 3, count: lanes))
  }

  /// For each output the place of the largest z in the plane, and which of the four it is.
  private func winners(
    _ sample: PlaneSample, height: Int, width: Int
  ) -> [(index: Int, choice: UInt8)] {
    let lanes = sample.lanes
    return (0..<((height / 2) * (width / 2) * lanes)).map { output in
      let (pixel, lane) = output.quotientAndRemainder(dividingBy: lanes)
      let corner = pixel / (width / 2) * 2 * width + pixel % (width / 2) * 2
      let four = [corner, corner + 1, corner + width, corner + width + 1].map { $0 * lanes + lane }
      let best = (0..<4).max { sample.z[four[$0]] < sample.z[four[$1]] } ?? 0
      return (four[best], UInt8(best))
    }
  }
}
