import CifarCore
import TestSupport
import Testing

@testable import CifarNN

/// What PyTorch and Keras made of the same logits and weights: `weighted_losses.json`, written by
/// `make_weighted_loss_golden.py`.
private struct WeightedLossGolden: Decodable {
  struct Case: Decodable {
    var dialect: Dialect
    var smoothing: Float
    var loss: Double
    var gradient: [Float]
  }

  var weights: [Float]
  var logits: [Float]
  var labels: [Int32]
  var cases: [Case]
}

@Suite struct LossWeightTests {
  @Test func lossesAreTheFrameworks() throws {
    let golden = try decodeGolden(WeightedLossGolden.self, "weighted_losses.json")
    #expect(golden.cases.count == 3)
    let count = golden.labels.count
    for expected in golden.cases {
      let options = LossOptions(
        labelSmoothing: expected.smoothing,
        weights: LossWeights(
          ofClasses: golden.weights, dividesBySum: expected.dialect == .pytorch))
      var scales = [Float](repeating: .nan, count: count)
      let (hasScales, divisor) = options.fillScales(
        labels: golden.labels, ofImages: nil, pass: Pass(count: count, training: true), to: &scales)
      #expect(hasScales && divisor == 1)
      var gradient = [Float](repeating: .nan, count: golden.logits.count)
      let result = SoftmaxCrossEntropy.evaluate(
        logits: golden.logits, labels: golden.labels, batch: BatchPartition(count), classes: 4,
        scales: scales,
        gradient: &gradient, options: options)
      let loss = result.lossSum / Double(count)
      #expect(abs(loss - expected.loss) < 2e-6 * expected.loss, "\(expected)")
      for (value, other) in zip(gradient, expected.gradient) {
        #expect(abs(value - other) < 1e-6, "\(expected)")
      }
    }
  }

  /// Weights that are all the same do nothing: where the mean is over the weights for any of them.
  @Test(arguments: [(Float(1), false), (1, true), (4, true)])
  func alikeIsUnweighted(weight: Float, dividesBySum: Bool) throws {
    let plain = try trained(LossWeights())
    let ofClasses = try trained(
      LossWeights(ofClasses: [Float](repeating: weight, count: 10), dividesBySum: dividesBySum))
    #expect(plain.loss == ofClasses.loss && plain.gradients == ofClasses.gradients)
    let ofImages = try trained(
      LossWeights(dividesBySum: dividesBySum), ofImages: [Float](repeating: weight, count: 4))
    #expect(plain.loss == ofImages.loss && plain.gradients == ofImages.gradients)
  }

  /// Images of a class without weight count nothing, whatever they are.
  @Test(arguments: [false, true]) func aClassWithoutWeightTeachesNothing(dividesBySum: Bool) throws
  {
    var weights = [Float](repeating: 1, count: 10)
    weights[3] = 0
    let options = LossWeights(ofClasses: weights, dividesBySum: dividesBySum)
    let one = try trained(options, imagesOf3: 1)
    let other = try trained(options, imagesOf3: 2)
    #expect(one.loss == other.loss && one.gradients == other.gradients)
    let nothing = try trained(
      LossWeights(ofClasses: [Float](repeating: 0, count: 10), dividesBySum: dividesBySum))
    #expect(nothing.loss == 0 && nothing.gradients.allSatisfy { $0 == 0 })
  }

  /// Gradients are of the sum of the weighted losses; the loss that is shown is the same mean.
  @Test(arguments: [false, true]) func theSumShowsTheMean(dividesBySum: Bool) throws {
    let weights = LossWeights(
      ofClasses: [1, 2, 1, 4, 1, 1, 1, 1, 1, 0.5], dividesBySum: dividesBySum)
    let mean = try trained(weights)
    let sum = try trained(weights, reduction: .sum)
    #expect(abs(sum.loss - mean.loss) < 1e-6 * mean.loss)
    // Labels are 0, 3, 1 and 9.
    let divisor: Float = dividesBySum ? 1 + 4 + 2 + 0.5 : 4
    for (one, other) in zip(mean.gradients, sum.gradients) {
      #expect(abs(one * divisor - other) <= 1e-5 * abs(other) + 1e-7)
    }
  }

  /// The weight of an image is multiplied with that of its class.
  @Test(arguments: [false, true]) func imagesAndClassesMultiply(dividesBySum: Bool) throws {
    let ofClasses: [Float] = [1, 2, 1, 4, 1, 1, 1, 1, 1, 0.5]
    let both = try trained(
      LossWeights(ofClasses: ofClasses, dividesBySum: dividesBySum), ofImages: [3, 0.25, 0, 2])
    let product = try trained(LossWeights(dividesBySum: dividesBySum), ofImages: [3, 1, 0, 1])
    #expect(both.loss == product.loss && both.gradients == product.gradients)
  }

  @Test func evaluationCountsAllAlike() throws {
    var losses: [Double] = []
    for weights in [nil, [0, 2, 1, 1, 1, 1, 1, 1, 1, 1] as [Float]] {
      let plan = try self.plan()
      plan.loss.weights = LossWeights(ofClasses: weights, dividesBySum: true)
      let images = Samples.uniform(4 * 3072, seed: 7)
      losses.append(plan.evaluate(images: images, labels: [0, 3, 1, 9], count: 4).lossSum)
    }
    #expect(losses[0] == losses[1])
  }

  private func plan() throws -> Plan {
    let network = try Network(
      spec: ModelSpec(input: [3, 32, 32], layers: [.flatten, .dense(units: 10)]),
      dialect: .pytorch, seed: 1)
    return try Plan(network: network, batchSize: 4, training: true, pool: ThreadPool(threads: 2))
  }

  /// - Parameter imagesOf3: the seed of the image of class 3.
  private func trained(
    _ weights: LossWeights, ofImages: [Float]? = nil, imagesOf3: UInt64 = 1,
    reduction: LossOptions.Reduction = .mean
  ) throws -> (loss: Double, gradients: [Float]) {
    let plan = try self.plan()
    plan.loss.weights = weights
    plan.loss.reduction = reduction
    var images = Samples.uniform(4 * 3072, seed: 7)
    images.replaceSubrange(3072..<6144, with: Samples.uniform(3072, seed: imagesOf3))
    let labels: [Int32] = [0, 3, 1, 9]
    let result =
      if let ofImages {
        plan.trainStep(
          images: images, labels: labels, weights: ofImages, count: 4, seed: 1, step: 0)
      } else {
        plan.trainStep(images: images, labels: labels, count: 4, seed: 1, step: 0)
      }
    return (result.lossSum, Array(plan.network.gradients.span))
  }
}
