import CifarCore
import TestSupport
import Testing

@testable import CifarNN

/// PyTorch's AveragedModel: `average.json`, written by `make_average_golden.py`.
private struct AverageGolden: Decodable {
  struct Case: Decodable {
    var decay: Double
    var averages: [[Float]]
  }

  var weights: [[Float]]
  var cases: [Case]
}

@Suite struct WeightAverageTests {
  private static func network() throws -> Network {
    try Network(
      spec: ModelSpec(input: [3, 1, 1], layers: [.flatten, .dense(units: 2)]), dialect: .pytorch,
      seed: 1)
  }

  private static func set(_ weights: [Float], of network: Network) throws {
    try network.pointer("1.weight").update(from: weights, count: weights.count)
    network.weightsChanged()
  }

  @Test(arguments: InstructionSet.all) func averagesArePyTorchs(set: InstructionSet) throws {
    let golden = try decodeGolden(AverageGolden.self, "average.json")
    #expect(golden.cases.count == 5)
    for expected in golden.cases {
      let network = try Self.network()
      let average = try WeightAverage(
        network: network, decay: expected.decay, pool: ThreadPool(threads: 1),
        kernels: set.kernels)
      for (weights, averages) in zip(golden.weights, expected.averages) {
        try Self.set(weights, of: network)
        average.update()
        let evaluated = average.evaluated { network.values("1.weight") }
        for (value, other) in zip(evaluated, averages) { #expect(abs(value - other) < 2e-7) }
        // Outside the network has what is trained.
        #expect(network.values("1.weight") == weights)
      }
    }
  }

  @Test func beforeTheFirstStepTheWeightsStayInPlace() throws {
    let network = try Self.network()
    let average = try WeightAverage(network: network, decay: 0.9, pool: ThreadPool(threads: 1))
    let weights = network.values("1.weight")
    #expect(average.evaluated { network.values("1.weight") } == weights)
    average.finish()
    #expect(network.values("1.weight") == weights && average.stateTensors().isEmpty)
    try average.load([], stepCount: 0)
  }

  @Test func finishLeavesTheAverageInPlace() throws {
    let network = try Self.network()
    let average = try WeightAverage(network: network, decay: 0.5, pool: ThreadPool(threads: 1))
    let trained: [Float] = [3, 3, 3, 3, 3, 3]
    for weights in [[1, 1, 1, 1, 1, 1], trained] {
      try Self.set(weights, of: network)
      average.update()
    }
    average.finish()
    #expect(network.values("1.weight") == [2, 2, 2, 2, 2, 2])
    #expect(average.evaluated { network.values("1.weight") } == [2, 2, 2, 2, 2, 2])
    #expect(average.stateTensors().first?.values == trained)
    #expect(average.stateTensors().first?.name == "optimizer.weights.1.weight")
  }

  @Test func aTensorThatIsMissingIsNamed() throws {
    let network = try Self.network()
    let average = try WeightAverage(network: network, decay: 0.5, pool: ThreadPool(threads: 1))
    let error = #expect(throws: CifarError.self) { try average.load([], stepCount: 1) }
    #expect(error?.message == "the checkpoint has no tensor 'optimizer.weights.1.weight'")
  }
}
