import CifarCore
import TestSupport
import Testing

@testable import CifarNN

/// Numbers that are none go through every pass without a trap and show in the loss.
@Suite struct NotANumberTests {
  @Test(arguments: InstructionSet.all, [Float.nan, .infinity, -.infinity, 3e38])
  func inTheImages(set: InstructionSet, value: Float) throws {
    let network = try Network(spec: SmallModel.spec, dialect: .pytorch, seed: 5)
    let pool = ThreadPool(threads: 2)
    let plan = try Plan(
      network: network, batchSize: SmallModel.batch, training: true, pool: pool,
      kernels: set.kernels)
    let adam = try Adam(network: network, options: AdamOptions(), pool: pool, kernels: set.kernels)
    var images = SmallModel.images()
    images[100] = value
    let first = plan.trainStep(
      images: images, labels: SmallModel.labels, count: SmallModel.batch, seed: 1, step: 1)
    adam.step(learningRate: 1e-3)
    // Weights and statistics are spoiled now, whatever the images are.
    let clean = SmallModel.images()
    let second = plan.trainStep(
      images: clean, labels: SmallModel.labels, count: SmallModel.batch, seed: 1, step: 2)
    let evaluation = plan.evaluate(
      images: clean, labels: SmallModel.labels, count: SmallModel.batch)
    #expect((0...SmallModel.batch).contains(evaluation.correct))
    var probabilities = [Float](repeating: 0, count: SmallModel.batch * 4)
    plan.predict(images: clean, count: SmallModel.batch, probabilities: &probabilities)
    // A large number only makes the variance infinite, and then every normalised value the same.
    if value.isFinite { return }
    #expect(!first.lossSum.isFinite)
    #expect(!second.lossSum.isFinite)
    #expect(!evaluation.lossSum.isFinite)
    #expect(probabilities.contains { $0.isNaN })
  }
}
