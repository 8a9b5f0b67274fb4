import TestSupport
import Testing

@testable import CifarNN

/// PyTorch's GELU: `activations.json`, written by `make_activation_golden.py`.
private struct ActivationGolden: Decodable {
  var x: [Float]
  var gelu: [Double]
  var slope: [Double]
}

@Suite struct ActivationGoldenTests {
  @Test(arguments: InstructionSet.all) func geluIsPyTorchs(set: InstructionSet) throws {
    let golden = try decodeGolden(ActivationGolden.self, "activations.json")
    let count = golden.x.count
    var y = [Float](repeating: .nan, count: count)
    var slope = y
    set.kernels.gelu(golden.x, count: count, output: &y)
    set.kernels.geluBackward(
      golden.x, gradient: [Float](repeating: 1, count: count), count: count, dx: &slope)
    for i in 0..<count {
      #expect(abs(Double(y[i]) - golden.gelu[i]) <= 1e-6 * abs(golden.gelu[i]) + 1e-7)
      #expect(abs(Double(slope[i]) - golden.slope[i]) < 5e-7)
    }
  }
}
