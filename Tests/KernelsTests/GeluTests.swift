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
