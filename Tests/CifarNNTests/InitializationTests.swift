import CifarCore
import Foundation
import Testing

@testable import CifarNN

@Suite struct InitializationTests {
  static let spec = ModelSpec(
    input: [8, 12, 12],
    layers: [
      .conv2d(filters: 32), .batchNorm(), .relu, .flatten, .dense(units: 24), .dense(units: 10),
    ])

  /// Fan-in and fan-out of the layers that have weights to draw.
  static let fans: [(layer: String, fanIn: Float, fanOut: Float)] = [
    ("0", 8 * 9, 32 * 9), ("4", 32 * 144, 24), ("5", 24, 10),
  ]

  @Test(arguments: fans)
  func pytorch(layer: String, fanIn: Float, fanOut: Float) throws {
    // kaiming_uniform_(a = √5): √(6/((1 + 5)·fan_in)) = 1/√fan_in, the bias's bound as well.
    let network = try Network(spec: Self.spec, dialect: .pytorch, seed: 1)
    check(network.values("\(layer).weight"), bound: 1 / fanIn.squareRoot())
    check(network.values("\(layer).bias"), bound: 1 / fanIn.squareRoot())
  }

  @Test(arguments: fans)
  func keras(layer: String, fanIn: Float, fanOut: Float) throws {
    let network = try Network(spec: Self.spec, dialect: .keras, seed: 1)
    check(network.values("\(layer).weight"), bound: (6 / (fanIn + fanOut)).squareRoot())
    #expect(network.values("\(layer).bias").allSatisfy { $0 == 0 })
  }

  /// As the frameworks' own layers begin: `Golden/make_initialization_golden.py`.
  @Test(arguments: Dialect.allCases)
  func asTheFramework(dialect: Dialect) throws {
    struct Summary: Decodable {
      let count: Int
      let mean, variance, largest: Double
    }
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/initialization.json")
    let golden = try JSONDecoder().decode(
      [String: [String: Summary]].self, from: Data(contentsOf: file))
    let expected = try #require(golden[dialect.rawValue])
    #expect(expected.count == 6)
    let networks = try (0..<20).map {
      try Network(spec: Self.spec, dialect: dialect, seed: UInt64($0))
    }
    for (name, summary) in expected {
      let values = networks.flatMap { $0.values(name) }.map(Double.init)
      let n = Double(values.count)
      #expect(values.count == 20 * summary.count)
      let mean = values.reduce(0, +) / n
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
      // Five standard deviations of both samples' difference, and some.
      let deviation = summary.variance.squareRoot()
      #expect(abs(mean - summary.mean) <= 7 * deviation / n.squareRoot(), "\(name)")
      #expect(abs(variance - summary.variance) <= 7 * summary.variance / n.squareRoot(), "\(name)")
      // The largest of n uniform numbers is about bound / n below the bound.
      let largest = values.reduce(0) { max($0, abs($1)) }
      #expect(abs(largest - summary.largest) <= 10 * summary.largest / n, "\(name)")
    }
  }

  @Test(arguments: Dialect.allCases)
  func batchNormBeginsAsTheIdentity(dialect: Dialect) throws {
    let network = try Network(spec: Self.spec, dialect: dialect, seed: 1)
    #expect(network.values("1.weight") == .init(repeating: 1, count: 32))
    #expect(network.values("1.bias") == .init(repeating: 0, count: 32))
    #expect(network.values("1.running_mean") == .init(repeating: 0, count: 32))
    #expect(network.values("1.running_var") == .init(repeating: 1, count: 32))
  }

  @Test func theSeedDecides() throws {
    let one = try Network(spec: Self.spec, dialect: .pytorch, seed: 1).stateTensors()
    #expect(try Network(spec: Self.spec, dialect: .pytorch, seed: 1).stateTensors() == one)
    #expect(try Network(spec: Self.spec, dialect: .pytorch, seed: 2).stateTensors() != one)
    // All 64 bits count.
    #expect(
      try Network(spec: Self.spec, dialect: .pytorch, seed: 1 << 32 | 1).stateTensors() != one)
    // No two tensors are drawn alike.
    #expect(one[0].values.prefix(10) != one[4].values.prefix(10))
  }

  /// Uniform: inside the bounds and up to them, mean 0, variance bound²/3.
  private func check(_ values: [Float], bound: Float) {
    #expect(values.allSatisfy { abs($0) <= bound })
    let n = Double(values.count)
    let mean = values.reduce(0) { $0 + Double($1) } / n
    let variance = values.reduce(0) { $0 + Double($1) * Double($1) } / n
    let expected = Double(bound) * Double(bound) / 3
    // Five standard deviations each; that of x² is √(4/45)·bound².
    #expect(abs(mean) < 5 * (expected / n).squareRoot())
    #expect(abs(variance - expected) < 5 * 0.3 * Double(bound) * Double(bound) / n.squareRoot())
    if n > 100 { #expect(values.contains { abs($0) > 0.95 * bound }) }
  }
}
