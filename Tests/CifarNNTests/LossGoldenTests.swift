import CifarCore
import TestSupport
import Testing

@testable import CifarNN

/// What PyTorch and Keras made of the same logits: `losses.json`, written by
/// `make_optimizer_golden.py`.
private struct LossGolden: Decodable {
  struct Case: Decodable {
    var smoothing: Float
    var loss: Double
    var gradient: [Float]
  }

  var logits: [Float]
  var labels: [Int32]
  var cases: [Case]

  /// Of a compiled Keras model whose softmax layer has logits that are 50 apart, the label's below.
  struct Model: Decodable {
    var evaluate: Double
    var train: Double
  }
  var model: Model
}

@Suite struct LossGoldenTests {
  @Test func lossesAreTheFrameworks() throws {
    let golden = try decodeGolden(LossGolden.self, "losses.json")
    #expect(golden.cases.count == 6)
    let count = golden.labels.count
    let classes = golden.logits.count / count
    for expected in golden.cases {
      var gradient = [Float](repeating: .nan, count: golden.logits.count)
      let result = SoftmaxCrossEntropy.evaluate(
        logits: golden.logits, labels: golden.labels, batch: BatchPartition(count),
        classes: classes,
        gradient: &gradient,
        options: LossOptions(labelSmoothing: expected.smoothing))
      let loss = result.lossSum / Double(count)
      #expect(abs(loss - expected.loss) < 1e-6 * expected.loss, "\(expected)")
      for (value, other) in zip(gradient, expected.gradient) {
        #expect(abs(value - other) < 1e-7, "\(expected)")
      }
    }
  }

  /// The general formula without anything to it is the plain one.
  @Test func nothingSmoothedIsThePlainLoss() {
    let logits = Samples.uniform(5 * 10, seed: 3)
    let labels: [Int32] = [0, 3, 9, 4, 4]
    var gradients = [[Float]](repeating: [Float](repeating: 0, count: 50), count: 2)
    let options = [LossOptions(), LossOptions(labelSmoothing: 1e-30)]
    let results = options.enumerated().map { index, options in
      SoftmaxCrossEntropy.evaluate(
        logits: logits, labels: labels, batch: BatchPartition(5), classes: 10,
        gradient: &gradients[index],
        options: options)
    }
    #expect(abs(results[0].lossSum - results[1].lossSum) < 1e-5)
    #expect(results[0].correct == results[1].correct)
    for (one, other) in zip(gradients[0], gradients[1]) { #expect(abs(one - other) < 1e-7) }
  }

  /// Keras clips probabilities where it does not find the logits behind them; on TensorFlow it finds
  /// those of a softmax layer.
  @Test(arguments: Dialect.allCases) func aModelsLossIsThatOfItsLogits(dialect: Dialect) throws {
    let golden = try decodeGolden(LossGolden.self, "losses.json").model
    let network = try Network(
      spec: ModelSpec(input: [1, 1, 1], layers: [.flatten, .dense(units: 2)]), dialect: dialect,
      seed: 1)
    for index in 0..<network.values.count { network.values[index] = index == 0 ? 50 : 0 }
    network.weightsChanged()
    let plan = try Plan(
      network: network, batchSize: 1, training: true, pool: ThreadPool(threads: 1))
    #expect(golden.evaluate == 50 && golden.train == 50)
    #expect(plan.evaluate(images: [1], labels: [1], count: 1).lossSum == golden.evaluate)
    let trained = plan.trainStep(images: [1], labels: [1], count: 1, seed: 1, step: 0)
    #expect(trained.lossSum == golden.train)
    var logarithm = [0.0]
    plan.lastLogProbabilities(of: [1], count: 1, to: &logarithm)
    #expect(logarithm == [-50])
  }

  @Test func aDifferenceOfLogitsIsTheLoss() {
    var gradient = [Float](repeating: 0, count: 2)
    let result = SoftmaxCrossEntropy.evaluate(
      logits: [50, 0], labels: [1], batch: BatchPartition(1), classes: 2, gradient: &gradient)
    #expect(result.lossSum == 50)
    #expect(gradient == [1, -1])
  }

  @Test(arguments: [Float(0), 0.1]) func aLossThatIsNoNumberStaysNone(smoothing: Float) {
    let logits: [Float] = [.nan, 0, 1, 2]
    let result = SoftmaxCrossEntropy.evaluate(
      logits: logits, labels: [1], batch: BatchPartition(1), classes: 4, gradient: nil,
      options: LossOptions(labelSmoothing: smoothing))
    // C would print one with its sign set as "-nan".
    #expect(result.lossSum.isNaN && result.lossSum.sign == .plus)
  }
}
