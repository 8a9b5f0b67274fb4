import Glibc
import Kernels
import TestSupport
import Testing

@Suite(.onBothSides) struct GeluTests {
  @Test(arguments: InstructionSet.all, [1, 2, 7, 8, 9, 15, 16, 17, 100])
  func geluAndItsGradient(set: InstructionSet, count: Int) {
    let x = GuardedBuffer(Samples.uniform(count, seed: 1, -6, 6))
    let gradient = GuardedBuffer(Samples.uniform(count, seed: 2))
    let output = GuardedBuffer(output: count)
    let dx = GuardedBuffer(output: count)
    set.kernels.gelu(x.pointer, count: count, output: output.pointer)
    set.kernels.geluBackward(
      x.pointer, gradient: gradient.pointer, count: count, dx: dx.pointer)
    let values = x.array.map(Double.init)
    #expect(relativeError(output.array, PointwiseOracles.gelu(values)) < 1e-6)
    let slopes = zip(values, gradient.array).map { x, gradient in
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      return Double(gradient) * (erfc(-x / 2.0.squareRoot()) / 2 + x * density)
    }
    #expect(relativeError(dx.array, slopes) < 1e-6)
    #expect(output.isIntact && dx.isIntact)
  }

  /// After a normalisation, of a plane that is stored in either way.
  @Test(arguments: InstructionSet.all, SmallImages.sizes)
  func planes(set: InstructionSet, size: (height: Int, width: Int)) {
    let (pixels, lanes) = (size.height * size.width, set.kernels.lanes)
    let count = pixels * lanes
    let x = GuardedBuffer(Samples.uniform(count, seed: 1, -4, 4))
    let halves = GuardedBuffer(halves: x.array)
    let scale = GuardedBuffer(Samples.uniform(lanes, seed: 2, 0.5, 2))
    let offset = GuardedBuffer(Samples.uniform(lanes, seed: 3))
    let dy = Samples.uniform(count, seed: 4)
    let stored = Values(base: UnsafeMutableRawPointer(halves.pointer), storage: .bfloat16)
    for values in [Values(x.pointer), stored] {
      let output = GuardedBuffer(output: count)
      let gradient = GuardedBuffer(dy)
      set.kernels.planeGelu(
        values, pixels: pixels, scale: scale.pointer, offset: offset.pointer,
        output: output.pointer)
      set.kernels.planeGeluBackward(
        values, gradient: gradient.pointer, pixels: pixels, scale: scale.pointer,
        offset: offset.pointer)
      let kept = values.storage == .bfloat16 ? halves.array.map(\.float) : x.array
      let z = kept.enumerated().map { i, x in
        Double(x) * Double(scale.array[i % lanes]) + Double(offset.array[i % lanes])
      }
      #expect(relativeError(output.array, PointwiseOracles.gelu(z)) < 1e-6)
      let slopes = zip(z, dy).map { z, dy in
        let density = exp(-z * z / 2) / (2 * Double.pi).squareRoot()
        return Double(dy) * (erfc(-z / 2.0.squareRoot()) / 2 + z * density)
      }
      #expect(relativeError(gradient.array, slopes) < 1e-6)
      #expect(output.isIntact && gradient.isIntact)
    }
  }

  /// Far out, at 0, and where there is no number.
  @Test(arguments: InstructionSet.all) func extremes(set: InstructionSet) {
    let x: [Float] = [0, -0.0, 1e30, .infinity, -1e30, -40, .nan, 1e-30, -1e-30, 3e38, -3e38]
    var y = [Float](repeating: 7, count: x.count)
    var slope = y
    set.kernels.gelu(x, count: x.count, output: &y)
    set.kernels.geluBackward(
      x, gradient: [Float](repeating: 1, count: x.count), count: x.count, dx: &slope)
    #expect(y[0] == 0 && y[1] == 0 && y[2] == 1e30 && y[3] == .infinity)
    #expect(abs(y[4]) < 1e-30 && abs(y[5]) < 1e-30 && y[6].isNaN)
    #expect(abs(y[7] / x[7] - 0.5) < 1e-6 && abs(y[8] / x[8] - 0.5) < 1e-6)
    #expect(abs(slope[0] - 0.5) < 1e-6 && slope[2] == 1 && abs(slope[4]) < 1e-6)
    #expect(abs(slope[5]) < 1e-6 && slope[6].isNaN)
    #expect(y[9] == 3e38 && slope[9] == 1 && y[10] == 0 && slope[10] == 0)
  }
}
