import CheckpointFormat
import CifarCore
import Foundation
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// Muon against its formula in double: `Golden/make_muon_golden.py`.
@Suite struct MuonTests {
  private static let (rate, steps) = (0.24, 5)
  /// Filters that make a wide matrix, a tall one and a wide one.
  private static let spec = ModelSpec(
    input: [3, 3, 3],
    layers: [
      .conv2d(filters: 6, padding: .valid, bias: false), .flatten, .dense(units: 7, bias: false),
      .dense(units: 40, bias: false), .dense(units: 5, bias: false),
    ])
  /// Their places in the script.
  private static let names = [
    "0.weight": "0.weight", "3.weight": "2.weight", "4.weight": "4.weight",
  ]

  @Test(arguments: InstructionSet.all, [true, false])
  func fiveSteps(set: InstructionSet, nesterov: Bool) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/muon.json")
    let golden = try JSONDecoder().decode([String: [Double]].self, from: Data(contentsOf: file))
    let network = try Network(spec: Self.spec, dialect: .pytorch, seed: 1)
    let pool = try ThreadPool(threads: 2)
    try network.allocateGradients()
    let trained = network.parameters.filter { Self.names[$0.name] != nil }
    for (number, parameter) in trained.enumerated() {
      fill(
        network.values.pointer + parameter.offset, parameter.count, .initialization,
        50 + number, 0.5)
    }
    let untouched = network.values("2.weight")
    let muon = try Muon(
      network: network, options: MuonOptions(momentum: 0.6, nesterov: nesterov),
      gradients: GradientOptions(weightDecay: 0.01),
      subset: network.parameters(named: Set(Self.names.keys)), pool: pool, kernels: set.kernels)
    for step in 0..<Self.steps {
      for (number, parameter) in trained.enumerated() {
        fill(
          network.gradients.pointer + parameter.offset, parameter.count, .syntheticImages,
          4000 + 10 * step + number, 1)
      }
      muon.step(learningRate: Self.rate)
    }
    for (name, scripted) in Self.names {
      let expected = try #require(golden["\(scripted) \(nesterov ? "nesterov" : "plain")"])
      #expect(relativeError(network.values(name), expected) < 1e-5, "\(name)")
    }
    #expect(network.values("2.weight") == untouched)
    #expect(muon.stateNames == trained.map { "optimizer.momentum_buffer.\($0.name)" })
  }

  @Test func vectorsAreRefused() throws {
    let network = try Network(
      spec: ModelSpec(layers: [.flatten, .dense(units: 4)]), dialect: .pytorch, seed: 1)
    let error = #expect(throws: CifarError.self) {
      try Muon(network: network, options: MuonOptions(), pool: ThreadPool(threads: 1))
    }
    #expect(error?.message.contains("'1.bias' is neither") == true)
  }

  private func fill(
    _ target: UnsafeMutablePointer<Float>, _ count: Int, _ purpose: RandomPurpose, _ minor: Int,
    _ bound: Float
  ) {
    var random = RandomSequence(seed: 2026, purpose: purpose, major: 77, minor: UInt32(minor))
    for i in 0..<count { target[i] = random.uniform(-bound, bound) }
  }
}
