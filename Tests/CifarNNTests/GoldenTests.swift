import CheckpointFormat
import CifarCore
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import CifarNN

/// The tutorial's network against PyTorch in float64, and against Keras's rules computed with it.
///
/// `Golden/make_tutorial_golden.py` wrote the expected numbers; weights and images come from the
/// same random numbers here and there.
@Suite struct GoldenTests {
  static let batch = 4
  static let labels = (0..<Int32(batch)).map { $0 % 10 }

  @Test(arguments: InstructionSet.all, Dialect.allCases)
  func threeStepsOfTheTutorial(set: InstructionSet, dialect: Dialect) throws {
    let golden = try Golden("tutorial_\(dialect.rawValue)")
    let network = try network(dialect)
    let before = network.stateTensors()
    let pool = ThreadPool(threads: 2)
    let plan = try Plan(
      network: network, batchSize: Self.batch, training: true, pool: pool, kernels: set.kernels)
    let adam = try Adam(
      network: network, options: AdamOptions(epsilon: dialect == .keras ? 1e-7 : 1e-8), pool: pool,
      kernels: set.kernels)
    var random = RandomSequence(
      seed: 2026, purpose: .syntheticImages, major: 77, minor: golden.images)
    let images = (0..<(Self.batch * 3072)).map { _ in random.uniform(-2, 2) }

    for (step, expected) in try golden.values("losses").enumerated() {
      let result = plan.trainStep(
        images: images, labels: Self.labels, count: Self.batch, seed: 1, step: UInt64(step))
      // The first pass keeps clear of the edges of ReLU and pool, the later ones need not.
      let tolerance = [1e-5, 1e-4, 1e-2][step]
      #expect(abs(result.lossSum / Double(Self.batch) - expected) < tolerance * expected)
      if step == 0 {
        #expect(relativeError(logits(plan), try golden.values("logits")) < 1e-5)
        for gradient in network.gradientTensors() {
          let summary = Golden.summary(gradient.values)
          // Batch norm takes these biases away: float64 leaves rounding errors, here is nothing.
          if golden.isCancelled(gradient.name) {
            #expect(summary.allSatisfy { $0 == 0 }, "\(gradient.name)")
            continue
          }
          let error = relativeError(summary, try golden.values("gradient.\(gradient.name)"))
          #expect(error < 2e-5, "\(gradient.name)")
        }
      }
      adam.step(learningRate: 1e-3)
    }
    for (tensor, old) in zip(network.stateTensors(), before) {
      let expected = try golden.values("weight.\(tensor.name)")
      let summary = Golden.summary(tensor.values)
      let start = Golden.summary(old.values)
      // How far it has come, the norm left out.
      let path = zip(expected, start).dropFirst().map { $0 - Double($1) }
      let actual = zip(summary, start).dropFirst().map { $0 - $1 }
      if golden.isCancelled(tensor.name) {
        #expect(actual.allSatisfy { $0 == 0 }, "\(tensor.name)")
      } else {
        // Adam makes large steps of small gradients, and their errors large; statistics stay near.
        let tolerance = tensor.name.contains("running") ? 1e-3 : 2e-2
        #expect(relativeError(actual, path) < tolerance, "\(tensor.name)")
      }
    }
    _ = plan.evaluate(images: images, labels: Self.labels, count: Self.batch)
    #expect(relativeError(logits(plan), try golden.values("evaluation.logits")) < 1e-4)
  }

  /// The tutorial with dropout switched off and the script's weights.
  private func network(_ dialect: Dialect) throws -> Network {
    let network = try Network(
      spec: .preset("tutorial", dialect: dialect).withoutDropout, dialect: dialect, seed: 1)
    try network.load(Self.weights(of: network))
    return network
  }

  /// The script's weights, with the statistics that the network begins with.
  static func weights(of network: Network) -> [Tensor] {
    let count = network.parameters.count
    let names = network.parameters.map { "\($0.name) \($0.shape)" }
    let drawn = shared.withLock { models in
      let tensors = models[names] ?? draw(network.parameters)
      models[names] = tensors
      return tensors
    }
    return drawn + network.stateTensors()[count...]
  }

  /// Both dialects have the same, and without optimisation they take a second to draw.
  private static let shared = Mutex<[[String]: [Tensor]]>([:])

  private static func draw(_ parameters: [Network.Parameter]) -> [Tensor] {
    parameters.enumerated().map { index, parameter in
      // A bias follows its weight, whose shape has the fan-in; batch norm's is taken as 16.
      let isWeight = parameter.name.hasSuffix(".weight")
      let shape = parameters[isWeight ? index : index - 1].shape
      let isNorm = shape.count == 1
      let fanIn = isNorm ? 16 : shape.dropFirst().reduce(1, *)
      let bound = 1 / Float(fanIn).squareRoot()
      var random = RandomSequence(
        seed: 2026, purpose: .initialization, major: 77, minor: UInt32(index))
      let center: Float = isNorm && isWeight ? 1 : 0
      return Tensor(
        name: parameter.name, shape: parameter.shape,
        values: (0..<parameter.count).map { _ in center + random.uniform(-bound, bound) })
    }
  }

  private func logits(_ plan: Plan) -> [Float] {
    Array(UnsafeBufferPointer(start: plan.lastLogits, count: Self.batch * 10))
  }
}

/// One of the script's files.
struct Golden {
  /// The number of the images in their random sequence.
  let images: UInt32
  private let tensors: [String: [Float]]

  init(_ name: String) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/\(name).safetensors")
    let decoded = try SafeTensors.decode(Array(Data(contentsOf: file)))
    images = try #require(decoded.metadata["images"].flatMap { UInt32($0) })
    tensors = Dictionary(uniqueKeysWithValues: decoded.tensors.map { ($0.name, $0.values) })
  }

  func values(_ name: String) throws -> [Double] {
    try #require(tensors[name], "the golden file lacks \(name)").doubles
  }

  /// Whether the gradient is nothing but rounding errors.
  func isCancelled(_ name: String) -> Bool {
    tensors["gradient.\(name)"].map { $0[0] < 1e-12 } ?? false
  }

  /// The Euclidean norm and up to 24 evenly spread values, as `summarize` in the script.
  static func summary(_ values: [Float]) -> [Float] {
    let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    let kept = min(values.count, 24)
    return [Float(norm)] + (0..<kept).map { values[$0 * (values.count - 1) / max(kept - 1, 1)] }
  }
}
