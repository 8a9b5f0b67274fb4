import CifarCore
import CifarData
import CifarRegistry
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
      let start = test.images.pointer + sample.image * Dataset.imageBytes
      #expect(sample.actual == Int(test.labels.pointer[sample.image]))
      #expect(sample.pixels == Array(UnsafeBufferPointer(start: start, count: 3072)))
    }
    let probabilities = evaluation.misclassified.map(\.probability)
    #expect(probabilities == probabilities.sorted(by: >))
  }

  @Test func anInterruptedRunIsNot() throws {
    let sample = try Sample()
    let session = try sample.start()
    session.interrupt()
    _ = try session.run([Follower()])
    #expect(try sample.run(session.runID).evaluation == nil)
  }
}
