import CheckpointFormat
import CifarCore
import Foundation
import Testing

@testable import CifarNN

/// What PyTorch and Keras did with the same gradients: `optimizers.json`, written by
/// `make_optimizer_golden.py`.
private struct OptimizerGolden: Decodable {
  struct Case: Decodable {
    var type: String
    var momentum: Double?
    var nesterov: Bool?
    var weightDecay: Double?
    var clipNorm: Double?
    var clipnorm: Double?
    var clipvalue: Double?
    var pytorch: [Float]
    var keras: [Float]
  }

  var rates: [Double]
  var weights: [Float]
  var gradients: [[Float]]
  var cases: [Case]
}

func decodeGolden<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
  let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try decoder.decode(
    type, from: Data(contentsOf: directory.appendingPathComponent("Golden/\(name)")))
}

@Suite struct OptimizerGoldenTests {
  private static let spec = ModelSpec(input: [1, 1, 3], layers: [.flatten, .dense(units: 2)])

  private func make(
    _ options: OptimizerGolden.Case, _ network: Network, _ pool: ThreadPool
  ) throws -> any Optimizer {
    var clipping = GradientClipping.none
    if let limit = options.clipNorm { clipping = .norm(limit) }
    if let limit = options.clipnorm { clipping = .variableNorm(limit) }
    if let limit = options.clipvalue { clipping = .value(limit) }
    let gradients = GradientOptions(
      clipping: clipping, weightDecay: options.weightDecay ?? 0,
      isDecoupled: options.type == "adamw" || network.dialect == .keras)
    if options.type == "sgd" {
      return try SGD(
        network: network,
        options: SGDOptions(
          momentum: options.momentum ?? 0, nesterov: options.nesterov ?? false),
        gradients: gradients, pool: pool)
    }
    let epsilon = network.dialect == .keras ? 1e-7 : 1e-8
    return try Adam(
      network: network, options: AdamOptions(epsilon: epsilon), gradients: gradients, pool: pool)
  }

  private func fill(_ network: Network, _ numbers: [Float], gradients: Bool) {
    var rest = numbers[...]
    for parameter in network.parameters {
      let buffer = gradients ? network.gradients : network.values
      for i in 0..<parameter.count { buffer[parameter.offset + i] = rest.removeFirst() }
    }
  }

  @Test(arguments: Dialect.allCases) func everyOptimizerIsTheFrameworks(dialect: Dialect) throws {
    let golden = try decodeGolden(OptimizerGolden.self, "optimizers.json")
    #expect(golden.cases.count == 16)
    let pool = ThreadPool(threads: 1)
    for options in golden.cases {
      var network = try Network(spec: Self.spec, dialect: dialect, seed: 1)
      fill(network, golden.weights, gradients: false)
      var optimizer = try make(options, network, pool)
      for (step, (rate, gradients)) in zip(golden.rates, golden.gradients).enumerated() {
        fill(network, gradients, gradients: true)
        optimizer.step(learningRate: rate)
        // A resume between any two steps changes nothing.
        let next = try Network(spec: Self.spec, dialect: dialect, seed: 2)
        try next.load(network.stateTensors())
        let resumed = try make(options, next, pool)
        try resumed.load(optimizer.stateTensors(), stepCount: step + 1)
        (network, optimizer) = (next, resumed)
      }
      let result = network.stateTensors().flatMap(\.values)
      let expected = dialect == .keras ? options.keras : options.pytorch
      for (value, other) in zip(result, expected) {
        // 1 − beta2 in 32 bits is off by 5e-5 of itself.
        #expect(abs(value - other) < 2e-5 * max(1, abs(other)), "\(options)")
      }
    }
  }

  /// A norm over many chunks, taken by any number of threads.
  @Test func theNormDoesNotDependOnThreads() throws {
    let spec = ModelSpec(layers: [.flatten, .dense(units: 40)])
    var weights: [[Tensor]] = []
    for threads in 1...3 {
      let network = try Network(spec: spec, dialect: .pytorch, seed: 4)
      var random = RandomSequence(seed: 5, purpose: .syntheticImages)
      try network.allocateGradients()
      for i in 0..<network.gradients.count { network.gradients[i] = random.uniform(-1, 1) }
      let sgd = try SGD(
        network: network, options: SGDOptions(),
        gradients: GradientOptions(clipping: .norm(0.1)), pool: ThreadPool(threads: threads))
      let before = network.stateTensors().flatMap(\.values)
      sgd.step(learningRate: 1)
      let after = network.stateTensors()
      weights.append(after)
      let path = zip(after.flatMap(\.values), before).reduce(0.0) {
        $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
      }
      #expect(abs(path.squareRoot() - 0.1) < 1e-4)
    }
    #expect(weights[0] == weights[1])
    #expect(weights[0] == weights[2])
  }

  @Test(arguments: [GradientClipping.none, .norm(1), .variableNorm(1), .value(1)])
  func aGradientThatIsNoNumberIsNotHidden(clipping: GradientClipping) throws {
    let network = try Network(spec: Self.spec, dialect: .keras, seed: 1)
    try network.allocateGradients()
    fill(network, [1, .nan, 3, 4, 5, 6, 7, 8], gradients: true)
    let sgd = try SGD(
      network: network, options: SGDOptions(), gradients: GradientOptions(clipping: clipping),
      pool: ThreadPool(threads: 1))
    sgd.step(learningRate: 0.1)
    #expect(network.stateTensors()[0].values[1].isNaN)
  }

  @Test func whatIsMissingIsNamed() throws {
    let network = try Network(spec: Self.spec, dialect: .pytorch, seed: 1)
    let sgd = try SGD(
      network: network, options: SGDOptions(momentum: 0.9), pool: ThreadPool(threads: 1))
    #expect(sgd.stateTensors().map(\.name).first == "optimizer.momentum_buffer.1.weight")
    #expect(throws: CifarError.self) { try sgd.load([], stepCount: 1) }
  }
}
