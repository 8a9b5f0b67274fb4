import CheckpointFormat
import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// Images kept as bfloat16, with 8 binary digits, against the same network in float32.
@Suite struct MixedPrecisionTests {
  /// A value is off by 2⁻⁹ of itself at most. Each layer adds its own, and a value that moves over
  /// the edge of a ReLU or past its neighbour in a pool changes gradients by a jump: with five images
  /// the loss stays within `lossBound` of itself, and every gradient within `gradientBound` of its
  /// length.
  static let lossBound = 0.01
  static let gradientBound = 0.15

  @Test(
    arguments: InstructionSet.all,
    [SmallModel.Case("chain", SmallModel.spec), .init("residual", SmallModel.residual)])
  func gradientsStayNear(set: InstructionSet, model: SmallModel.Case) throws {
    let spec = model.spec
    let (exact, exactLoss) = try gradients(set, spec.withoutDropout, .float32)
    let (mixed, mixedLoss) = try gradients(set, spec.withoutDropout, .mixedBFloat16)
    #expect(abs(mixedLoss - exactLoss) < Self.lossBound * exactLoss)
    #expect(mixedLoss != exactLoss)
    for (one, other) in zip(mixed, exact) {
      let error = relativeError(one.values, other.values.doubles)
      if other.values.contains(where: { $0 != 0 }) {
        #expect(error < Self.gradientBound, "\(one.name)")
      } else {
        #expect(one.values.allSatisfy { $0 == 0 })
      }
    }
  }

  private func gradients(
    _ set: InstructionSet, _ spec: ModelSpec, _ precision: Precision
  ) throws -> ([Tensor], loss: Double) {
    let network = try Network(spec: spec, dialect: .pytorch, seed: 5)
    let plan = try Plan(
      network: network, batchSize: SmallModel.batch, training: true,
      pool: ThreadPool(threads: 2), precision: precision, kernels: set.kernels)
    let result = plan.trainStep(
      images: SmallModel.images(), labels: SmallModel.labels, count: SmallModel.batch, seed: 1,
      step: 2)
    return (network.gradientTensors(), result.lossSum)
  }
}
