import CifarCore
import CifarData
import CifarNN
import CifarTraining
import Foundation
import Testing

@testable import Cifar

@Suite struct EvaluationTests {
  @Test func scoresAreThoseOfTheirFormulas() throws {
    let evaluation = Evaluation(
      loss: 1, accuracy: 0.6, topFiveAccuracy: 1, count: 10, flips: false,
      classNames: ["cat", "dog", "nothing"], confusion: [[4, 1, 0], [3, 2, 0], [0, 0, 0]])
    let classes = evaluation.classes
    #expect(classes.map(\.support) == [5, 5, 0])
    #expect(classes[0].precision == 4.0 / 7)
    #expect(classes[0].recall == 4.0 / 5)
    #expect(classes[0].f1 == 8.0 / 12)
    #expect(classes[1].precision == 2.0 / 3)
    #expect(classes[1].f1 == 4.0 / 8)
    // No images, and never named: 0, not NaN.
    #expect(classes[2].precision == 0 && classes[2].recall == 0 && classes[2].f1 == 0)
    #expect(abs(evaluation.macroF1 - (8.0 / 12 + 0.5) / 3) < 1e-15)
  }

  @Test func theFiveMostProbableCount() throws {
    var counts = try EvaluationCounts(
      classNames: (0..<7).map(String.init), shape: .cifar, flips: false)
    let rows: [Float] = [
      0.30, 0.20, 0.15, 0.12, 0.10, 0.08, 0.05,  // label 4 is fifth, label 5 is not in
      0.30, 0.20, 0.15, 0.12, 0.10, 0.08, 0.05,
      0.20, 0.20, 0.12, 0.12, 0.12, 0.12, 0.12,  // of equals the first come first
      0.20, 0.20, 0.12, 0.12, 0.12, 0.12, 0.12,
      .nan, .nan, .nan, .nan, .nan, .nan, .nan,
    ]
    counts.add(rows, labels: [4, 5, 4, 5, 3], count: 5, lossSum: .nan)
    let result = try counts.evaluation()
    #expect(result.topFiveAccuracy == 2.0 / 5)
    #expect(result.accuracy == 0)
    #expect(result.confusion[4][0] == 2 && result.confusion[5][0] == 2)
    #expect(result.confusion[3][0] == 1)
    #expect(result.loss.isNaN)
  }

  @Test func modelsAreEvaluatedClassByClassAndWithMirrors() throws {
    let train = try Images.train()
    let test = try Images.test()
    let session = try TrainingSession.start(
      train: train, validation: test, hyperparameters: .quick(),
      options: .init(registryPath: nil, threads: 1))
    _ = try session.run()
    let model = try Model(session.trainer.snapshot(), threads: 1)
    let plain = try model.evaluate(test)
    let diagonal = (0..<10).reduce(0) { $0 + plain.confusion[$1][$1] }
    #expect(Double(diagonal) / Double(test.count) == plain.accuracy)
    #expect(plain.confusion.joined().reduce(0, +) == test.count)
    #expect(plain.topFiveAccuracy >= plain.accuracy)

    // Mirrors, by hand.
    let size = ImageShape.cifar.count
    var mirrored = [UInt8](repeating: 0, count: test.count * size)
    for row in 0..<(test.count * 96) {
      for x in 0..<32 { mirrored[row * 32 + x] = test.images.pointer[row * 32 + 31 - x] }
    }
    var probabilities = [[Float]](
      repeating: [Float](repeating: 0, count: test.count * 10), count: 2)
    try model.predict(
      images: test.images.pointer, count: test.count, probabilities: &probabilities[0])
    try model.predict(images: mirrored, count: test.count, probabilities: &probabilities[1])
    var hits = 0
    for image in 0..<test.count {
      let mean = (0..<10).map { k in
        (probabilities[0][image * 10 + k] + probabilities[1][image * 10 + k]) / 2
      }
      let best = mean.indices.reduce(0) { mean[$1] > mean[$0] ? $1 : $0 }
      if best == Int(test.labels.pointer[image]) { hits += 1 }
    }
    let flipped = try model.evaluate(test, flips: true)
    #expect(flipped.flips)
    #expect(flipped.accuracy == Double(hits) / Double(test.count))
    #expect(flipped.loss.isFinite && flipped.loss != plain.loss)
    var loss = 0.0
    for image in 0..<test.count {
      let at = image * 10 + Int(test.labels.pointer[image])
      loss -= log((Double(probabilities[0][at]) + Double(probabilities[1][at])) / 2)
    }
    #expect(abs(flipped.loss - loss / Double(test.count)) < 1e-5 * flipped.loss)

    // A model so sure that the label's probability is 0 in 32 bits still has a loss.
    let last = try #require(session.trainer.network.stateTensors().last { $0.shape.count == 2 })
    try session.trainer.network.load(
      session.trainer.network.stateTensors().map { tensor in
        var tensor = tensor
        if tensor.name == last.name { tensor.values = tensor.values.map { $0 * 1e5 } }
        return tensor
      })
    let sure = try Model(session.trainer.snapshot(), threads: 1)
    for flips in [false, true] {
      let loss = try sure.evaluate(test, flips: flips).loss
      #expect(loss.isFinite && loss > 1000, "\(loss)")
    }
  }

  @Test func lossesOfAveragesNeitherUnderflowNorHideWhatIsNoNumber() {
    func loss(_ p: Double, _ q: Double) -> Double { EvaluationCounts.loss(ofAveraged: p, q) }
    #expect(loss(0, 0) == 0)
    #expect(abs(loss(log(0.2), log(0.6)) + log(0.4)) < 1e-15)
    #expect(loss(-1000, -1000) == 1000)
    #expect(loss(-1000, -1002) == loss(-1002, -1000))
    #expect(abs(loss(-1000, -1002) - (1000 + log(2) - log1p(exp(-2)))) < 1e-9)
    #expect(abs(loss(-.infinity, -50) - (50 + log(2))) < 1e-12)
    #expect(loss(-.infinity, -.infinity) == .infinity)
    for (p, q) in [(-Double.nan, -1), (-1, -Double.nan), (-.infinity, .nan), (.nan, -.infinity)] {
      #expect(loss(p, q).isNaN && loss(p, q).sign == .plus)
    }
  }
}
