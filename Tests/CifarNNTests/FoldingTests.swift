import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// A plan that only infers folds batch norm and ReLU into the convolutions before them.
@Suite struct FoldingTests {
  static let spec = ModelSpec(
    input: [3, 12, 10],
    layers: [
      .conv2d(filters: 20, kernelSize: 3, stride: 1, padding: .same),
      .batchNorm(momentum: 0.1, epsilon: 1e-5, unbiased: true), .relu,
      .conv2d(filters: 33, kernelSize: 3, stride: 1, padding: .same),
      .batchNorm(momentum: 0.1, epsilon: 1e-5, unbiased: true), .relu, .maxPool(),
      .dropout(rate: 0.5), .conv2d(filters: 17, kernelSize: 3, stride: 2, padding: .same), .relu,
      .conv2d(filters: 24, kernelSize: 3, stride: 1, padding: .same),
      .batchNorm(momentum: 0.1, epsilon: 1e-5, unbiased: true), .flatten, .dense(units: 5),
    ])

  @Test(arguments: InstructionSet.all, [1, 2, 9])
  func agreesWithTheTrainingPlan(set: InstructionSet, count: Int) throws {
    let network = try Network(spec: Self.spec, dialect: .pytorch, seed: 3)
    let pool = ThreadPool(threads: 2)
    let training = try Plan(
      network: network, batchSize: 9, training: true, pool: pool, kernels: set.kernels)
    let inference = try Plan(
      network: network, batchSize: 9, training: false, pool: pool, kernels: set.kernels)
    let images = Samples.uniform(9 * 360, seed: 1)  // (9, 3, 12, 10)
    let labels = (0..<9).map { Int32($0 % 5) }
    // Statistics and weights move, and both plans see the new ones.
    let adam = try Adam(network: network, options: AdamOptions(), pool: pool, kernels: set.kernels)
    for step in 0..<3 {
      _ = training.trainStep(
        images: images, labels: labels, count: 9, seed: 0, step: UInt64(step))
      adam.step(learningRate: 0.01)
      var expected = [Float](repeating: 0, count: count * 5)
      var actual = expected
      training.predict(images: images, count: count, probabilities: &expected)
      inference.predict(images: images, count: count, probabilities: &actual)
      #expect(relativeError(actual, expected.doubles) < 1e-5)
    }
  }

  @Test(arguments: InstructionSet.all)
  func agreesWithResidualBlocks(set: InstructionSet) throws {
    let network = try Network(spec: SmallModel.residual, dialect: .pytorch, seed: 3)
    let pool = ThreadPool(threads: 2)
    let results = try [true, false].map { training in
      let plan = try Plan(
        network: network, batchSize: 5, training: training, pool: pool, kernels: set.kernels)
      if training {
        _ = plan.trainStep(
          images: SmallModel.images(), labels: SmallModel.labels, count: 5, seed: 0, step: 0)
      }
      var probabilities = [Float](repeating: 0, count: 20)
      plan.predict(images: SmallModel.images(2), count: 5, probabilities: &probabilities)
      return probabilities
    }
    #expect(relativeError(results[1], results[0].doubles) < 1e-5)
  }

  @Test func theNumberOfThreadsDoesNotShow() throws {
    let network = try Network(spec: Self.spec, dialect: .pytorch, seed: 3)
    let images = Samples.uniform(2 * 360, seed: 1)
    let results = try [1, 2, 5].map { threads in
      let plan = try Plan(
        network: network, batchSize: 2, training: false, pool: ThreadPool(threads: threads))
      var probabilities = [Float](repeating: 0, count: 10)
      plan.predict(images: images, count: 2, probabilities: &probabilities)
      return probabilities
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
