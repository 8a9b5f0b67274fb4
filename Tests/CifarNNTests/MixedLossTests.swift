import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// What PyTorch made of the same logits and mixed labels: `mixed_losses.json`, written by
/// `make_mixed_loss_golden.py`.
private struct MixedLossGolden: Decodable {
  struct Case: Decodable {
    var share: Float
    var smoothing: Float
    var isWeighted: Bool
    var loss: Double
    var gradient: [Float]
  }

  var weights: [Float]
  var logits: [Float]
  var labels: [Int32]
  var others: [Int32]
  var cases: [Case]
}

/// The loss of images that have two labels.
@Suite struct MixedLossTests {
  @Test func lossesArePyTorchs() throws {
    let golden = try decodeGolden(MixedLossGolden.self, "mixed_losses.json")
    #expect(golden.cases.count == 15)
    for expected in golden.cases {
      let weights = expected.isWeighted ? golden.weights : nil
      let options = LossOptions(
        labelSmoothing: expected.smoothing,
        weights: LossWeights(ofClasses: weights, dividesBySum: true))
      let (loss, gradient) = loss(golden, golden.labels, golden.others, expected.share, options)
      #expect(abs(loss - expected.loss) < 2e-6 * expected.loss, "\(expected)")
      for (value, other) in zip(gradient, expected.gradient) {
        #expect(abs(value - other) < 2e-7, "\(expected)")
      }
    }
  }

  private func loss(
    _ golden: MixedLossGolden, _ labels: [Int32], _ others: [Int32], _ share: Float,
    _ options: LossOptions
  ) -> (Double, [Float]) {
    let count = labels.count
    var scales = [[Float]](repeating: [Float](repeating: 1, count: count), count: 2)
    for (index, labels) in [labels, others].enumerated() {
      _ = options.fillScales(
        labels: labels, ofImages: nil, pass: Pass(count: count, training: true), to: &scales[index])
    }
    var gradient = [Float](repeating: .nan, count: golden.logits.count)
    let result = others.withUnsafeBufferPointer { others in
      SoftmaxCrossEntropy.evaluate(
        logits: golden.logits, labels: labels,
        mixed: MixedLabels(labels: others.baseAddress.unsafelyUnwrapped, share: share),
        batch: BatchPartition(count), classes: golden.logits.count / count, scales: scales[0],
        otherScales: scales[1], gradient: &gradient, options: options)
    }
    return (result.lossSum / Double(count), gradient)
  }

  /// All of one label is the plain loss, and so is twice the same label.
  @Test(arguments: [Float(0), 0.1]) func oneLabelIsThePlainLoss(smoothing: Float) throws {
    let golden = try decodeGolden(MixedLossGolden.self, "mixed_losses.json")
    let options = LossOptions(labelSmoothing: smoothing)
    var gradient = [Float](repeating: .nan, count: golden.logits.count)
    let plain = SoftmaxCrossEntropy.evaluate(
      logits: golden.logits, labels: golden.labels, batch: BatchPartition(6), classes: 10,
      gradient: &gradient, options: options)
    for (labels, others, share) in [
      (golden.labels, golden.others, Float(1)), (golden.others, golden.labels, 0),
      (golden.labels, golden.labels, 0.3),
    ] {
      let (loss, mixed) = loss(golden, labels, others, share, options)
      #expect(abs(loss * 6 - plain.lossSum) < 1e-5)
      for (one, other) in zip(gradient, mixed) { #expect(abs(one - other) < 1e-7) }
    }
  }

  /// A whole step, with everything that a loss may have, against the network in double.
  @Test(arguments: InstructionSet.all, Dialect.allCases)
  func gradientsOfANetwork(set: InstructionSet, dialect: Dialect) throws {
    let spec = SmallModel.spec
    let labels = SmallModel.labels
    let others = [labels[labels.count - 1]] + labels.dropLast()
    let ofImages: [Float] = [1, 0.5, 2, 0, 1.5]
    let otherOfImages = [ofImages[4]] + ofImages.dropLast()
    let share: Float = 0.375
    for reduction in LossOptions.Reduction.allCases {
      let network = try Network(spec: spec, dialect: dialect, seed: 5)
      let plan = try Plan(
        network: network, batchSize: SmallModel.batch, training: true,
        pool: ThreadPool(threads: 2), kernels: set.kernels)
      plan.loss = LossOptions(
        labelSmoothing: 0.1,
        weights: LossWeights(ofClasses: [1, 2, 0.5, 1.5], dividesBySum: dialect == .pytorch),
        reduction: reduction)
      let images = SmallModel.images(for: spec)
      let result = others.withUnsafeBufferPointer { others in
        otherOfImages.withUnsafeBufferPointer { weights in
          plan.trainStep(
            images: images, labels: labels, weights: ofImages,
            mixed: MixedLabels(
              labels: others.baseAddress.unsafelyUnwrapped, weights: weights.baseAddress,
              share: share),
            count: SmallModel.batch, seed: 1, step: 2)
        }
      }
      // The mix of two losses, each as it would be by itself.
      let parts = [(labels, ofImages, Double(share)), (others, otherOfImages, 1 - Double(share))]
      let oracles = try parts.map { labels, weights, share in
        (
          try NetworkOracle(
            network, Pass(count: SmallModel.batch, training: true, seed: 1, step: 2),
            labels: labels, set, smoothing: Double(Float(0.1)),
            scales: scales(labels, weights, plan.loss).values), share
        )
      }
      let values = Dictionary(
        uniqueKeysWithValues: network.stateTensors().map { ($0.name, $0.values.doubles) })
      func mixed(_ values: [String: [Double]]) -> Double {
        oracles.reduce(0) { $0 + $1.1 * $1.0.loss(values, images.doubles) }
      }
      // What is shown is the mean that the dialect takes.
      let factor = scales(labels, ofImages, plan.loss).divisor
      #expect(abs(result.lossSum / Double(result.count) * factor - mixed(values)) < 2e-5 * factor)
      for gradient in network.gradientTensors() where gradient.name.hasSuffix("weight") {
        let error = GradientCheck.relativeError(
          of: gradient.values, at: values[gradient.name] ?? [], most: 3, step: 1e-6
        ) { moved in
          var changed = values
          changed[gradient.name] = moved
          return mixed(changed)
        }
        #expect(error < 5e-5, "\(gradient.name), \(reduction)")
      }
    }
  }

  private func scales(
    _ labels: [Int32], _ weights: [Float], _ options: LossOptions
  ) -> (values: [Double], divisor: Double) {
    var scales = [Float](repeating: .nan, count: labels.count)
    let (_, divisor) = options.fillScales(
      labels: labels, ofImages: weights, pass: Pass(count: labels.count, training: true),
      to: &scales)
    return (scales.doubles, divisor)
  }
}
