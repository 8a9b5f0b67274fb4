import CifarCore
import CifarData
import CifarRegistry
import CifarTraining
import TestSupport
import Testing

@testable import Cifar

@Suite struct ClassEvaluationTests {
  @Test func theBestWeightsAreEvaluatedClassByClass() throws {
    let sample = try Sample()
    let session = try sample.start()
    _ = try session.run([Follower()])
    let run: RunDetail = try sample.run(session.runID)
    let evaluation = try #require(run.evaluation)
    let best = try #require(run.checkpoints.first { $0.isBest })
    let row = try #require(run.epochs.first { $0.epoch == best.epoch })
    #expect(evaluation.epoch == best.epoch)
    let test = try Images.test()
    #expect(evaluation.classNames == test.classNames)
    let images = evaluation.confusion.joined().reduce(0, +)
    let correct = evaluation.confusion.indices.reduce(0) { $0 + evaluation.confusion[$1][$1] }
    #expect(images == 40)
    #expect(Double(correct) / 40 == row.valAccuracy)
    #expect(evaluation.misclassified.count == min(24, images - correct))
    for prediction in evaluation.misclassified {
      #expect(prediction.actual == Int(test.labels.pointer[prediction.image]))
      #expect(prediction.actual != prediction.predicted && prediction.pixels.count == 3072)
    }
    #expect(evaluation.samples.count == 16)
    #expect(Set(evaluation.samples.map(\.image)).count == 16)
    for sample in evaluation.samples {
      let start = test.images.pointer + sample.image * ImageShape.cifar.count
      #expect(sample.actual == Int(test.labels.pointer[sample.image]))
      #expect(sample.pixels == Array(UnsafeBufferPointer(start: start, count: 3072)))
    }
    let probabilities = evaluation.misclassified.map(\.probability)
    #expect(probabilities == probabilities.sorted(by: >))
  }

  /// What `Model` says of the best checkpoint, and the trainer's network keeps its own weights.
  @Test func itIsTheEvaluationOfTheBestModel() throws {
    let sample = try Sample()
    var hyperparameters = try Hyperparameters.quick()
    // The last weights stay in the network, rather than the best: those of the first epoch, whose
    // training loss is the highest.
    try hyperparameters.apply(
      overrides: #"{"early_stopping":false,"model_checkpoint":"#
        + #"{"monitor":"loss","mode":"max"}}"#)
    let session = try sample.start(hyperparameters)
    _ = try session.run([Follower()])
    let run: RunDetail = try sample.run(session.runID)
    let evaluation = try #require(run.evaluation)
    let test = try Images.test()
    let model = try Model(registryPath: sample.path, run: run.id, threads: 1)
    #expect(try model.evaluate(test).confusion == evaluation.confusion)
    var probabilities = [Float](repeating: .nan, count: test.count * 10)
    try model.predict(
      images: test.images.pointer, count: test.count, probabilities: &probabilities)
    for prediction in evaluation.misclassified + evaluation.samples {
      let probability = probabilities[prediction.image * 10 + prediction.predicted]
      #expect(prediction.probability == Double(probability))
    }
    let last = try sample.bytes(.last, of: run.id)
    #expect(last != (try sample.bytes(.best, of: run.id)))
    #expect(Blob(try session.trainer.checkpoint()) == last)
  }

  /// Of mistakes that are equally sure the first, and none but mistakes.
  @Test func examplesAreTheWorstAndASample() throws {
    let test = try Images.test()
    var examples = EvaluationExamples(of: test)
    for image in 0..<40 {
      let isWrong = image % 4 != 0
      examples.add(
        image: image, actual: 1, predicted: isWrong ? 2 : 1,
        probability: image == 5 ? .nan : Float(image / 10) / 4)
      if image % 7 == 0 { examples.dropTheRest() }
    }
    examples.dropTheRest()
    let wrong = examples.misclassified.map(\.image)
    let expected = (0..<40).filter { $0 % 4 != 0 }
      .sorted { ($1 / 10, $0) < ($0 / 10, $1) }.prefix(24)
    #expect(wrong == Array(expected))
    #expect(examples.samples.map(\.image) == (0..<16).map { $0 * 40 / 16 })
  }

  @Test func anInterruptedRunIsNot() throws {
    let sample = try Sample()
    let session = try sample.start()
    session.interrupt()
    _ = try session.run([Follower()])
    #expect(try sample.run(session.runID).evaluation == nil)
  }
}
