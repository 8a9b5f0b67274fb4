import CifarCore
import Foundation
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// Ten training steps of every preset by Adam, and of `tutorial-gap` by every optimizer, without
/// dropout, against PyTorch's and Keras's own layers and optimizers in double, Keras on TensorFlow:
/// `Golden/make_steps_golden.py`.
@Suite struct StepsGoldenTests {
  static let batch = 8
  /// The record recipes have optimizers of their own: `AirbenchGoldenTests`.
  static let cases = tolerances.keys.sorted().flatMap { name in
    Dialect.allCases.map { (name, $0) }
  }

  typealias Maker = @Sendable (Network, ThreadPool, any KernelTable) throws -> any Optimizer

  /// By their names in the golden file; the numbers are those of `make_steps_golden.py`.
  static let optimizers: [(name: String, rate: Double, make: Maker)] = [
    ("adam", 1e-4, { try adam($0, $1, $2, GradientOptions()) }),
    ("adamw", 1e-4, { try adam($0, $1, $2, GradientOptions(weightDecay: 20, isDecoupled: true)) }),
    ("sgd", 0.01, { network, pool, _ in try sgd(network, pool, SGDOptions()) }),
    ("momentum", 0.002, { network, pool, _ in try sgd(network, pool, SGDOptions(momentum: 0.9)) }),
    (
      "nesterov", 0.002,
      { network, pool, _ in try sgd(network, pool, SGDOptions(momentum: 0.9, nesterov: true)) }
    ),
  ]

  /// How far a loss may be from the golden one, and the probabilities at the end, relatively.
  ///
  /// A value that rounding moves over a ReLU's edge changes a gradient by a jump, and a network makes
  /// much or little of that. The frameworks' own float32 strays from their float64 by up to 1.3e-3
  /// in `tutorial`, 3.1e-4 in `tutorial-resnet` and 2.8e-5 in `tutorial-gap`, where no optimizer is
  /// nearer than 1.6e-3 to another.
  private static let tolerances = [
    "tutorial": (loss: 2e-3, outputs: 2e-2), "tutorial-resnet": (loss: 2e-3, outputs: 2e-2),
    "tutorial-gap": (loss: 5e-4, outputs: 1e-3),
  ]

  private static func sgd(
    _ network: Network, _ pool: ThreadPool, _ options: SGDOptions
  ) throws -> any Optimizer { try SGD(network: network, options: options, pool: pool) }

  private static func adam(
    _ network: Network, _ pool: ThreadPool, _ kernels: any KernelTable,
    _ gradients: GradientOptions
  ) throws -> any Optimizer {
    try Adam(
      network: network, options: AdamOptions(epsilon: network.dialect == .keras ? 1e-7 : 1e-8),
      gradients: gradients, pool: pool, kernels: kernels)
  }

  @Test(arguments: InstructionSet.all, cases)
  func tenSteps(set: InstructionSet, test: (preset: String, dialect: Dialect)) throws {
    let golden = try #require(try Self.golden()[test.preset])
    let byOptimizer = test.dialect == .pytorch ? golden.pytorch : golden.keras
    let optimizers = Self.optimizers.filter { test.preset == "tutorial-gap" || $0.name == "adam" }
    #expect(Set(byOptimizer.keys) == Set(optimizers.map(\.name)))
    for optimizer in optimizers {
      let expected = try #require(byOptimizer[optimizer.name])
      try tenSteps(set, test, optimizer, golden.shapes, expected)
    }
  }

  private func tenSteps(
    _ set: InstructionSet, _ test: (preset: String, dialect: Dialect),
    _ method: (name: String, rate: Double, make: Maker), _ shapesByName: [String: [Int]],
    _ expected: Preset.Steps
  ) throws {
    let network = try Network(
      spec: .preset(test.preset, dialect: test.dialect).withoutDropout, dialect: test.dialect,
      seed: 1)
    let shapes = Dictionary(
      uniqueKeysWithValues: network.stateTensors().map { ($0.name, $0.shape) })
    #expect(shapes == shapesByName)
    try network.load(GoldenTests.weights(of: network))
    let pool = ThreadPool(threads: 2)
    let plan = try Plan(
      network: network, batchSize: Self.batch, training: true, pool: pool, kernels: set.kernels)
    let optimizer = try method.make(network, pool, set.kernels)
    let most = try #require(Self.tolerances[test.preset])
    #expect(expected.losses.count == 10 && expected.float32Losses.count == 10)
    for (step, loss) in expected.losses.enumerated() {
      let labels = (0..<Self.batch).map { Int32((3 * step + $0) % 10) }
      let result = plan.trainStep(
        images: Self.images(step), labels: labels, count: Self.batch, seed: 1,
        step: UInt64(step))
      // The first loss knows nothing of gradients yet.
      let tolerance = step == 0 ? 1e-5 : max(most.loss, 4 * expected.strayed(by: step))
      #expect(
        abs(result.lossSum / Double(Self.batch) - loss) < tolerance,
        "\(method.name), step \(step)")
      optimizer.step(learningRate: method.rate)
    }
    var outputs = [Float](repeating: 0, count: Self.batch * 10)
    plan.predict(images: Self.images(0), count: Self.batch, probabilities: &outputs)
    #expect(
      relativeError(outputs, expected.probabilities(test.dialect)) < most.outputs,
      "\(method.name)")
  }

  private static func images(_ step: Int) -> [Float] {
    var random = RandomSequence(
      seed: 2026, purpose: .syntheticImages, major: 77, minor: 1000 + UInt32(step))
    return (0..<(batch * 3072)).map { _ in random.uniform(-2, 2) }
  }

  private struct Preset: Decodable {
    struct Steps: Decodable {
      let losses: [Double]
      let outputs: [Double]
      let float32Losses: [Double]

      enum CodingKeys: String, CodingKey {
        case losses, outputs
        case float32Losses = "float32_losses"
      }

      /// How far the framework's own float32 is from its float64, up to a step.
      func strayed(by step: Int) -> Double {
        zip(losses, float32Losses).prefix(step + 1).map { abs($0 - $1) }.max() ?? 0
      }

      func probabilities(_ dialect: Dialect) -> [Double] {
        dialect == .keras ? outputs : RowOracles.softmax(outputs, classes: 10)
      }
    }
    let shapes: [String: [Int]]
    let pytorch: [String: Steps]
    let keras: [String: Steps]
  }

  private static func golden() throws -> [String: Preset] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/steps.json")
    return try JSONDecoder().decode([String: Preset].self, from: Data(contentsOf: file))
  }
}

extension ModelSpec {
  /// The model with dropout switched off.
  var withoutDropout: ModelSpec {
    var spec = self
    for (index, layer) in layers.enumerated() {
      if case .dropout = layer { spec.layers[index] = .dropout(rate: 0) }
    }
    return spec
  }
}
