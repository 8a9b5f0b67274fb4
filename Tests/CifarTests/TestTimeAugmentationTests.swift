import CifarCore
import CifarData
import CifarNN
import CifarTraining
import Glibc
import TestSupport
import Testing

@testable import Cifar

/// Averages of logits over several views of an image, against the views made by hand.
@Suite struct TestTimeAugmentationTests {
  private static let side = 32

  /// One view of a planar image of bytes, as its definition says.
  private static func view(_ image: [UInt8], shift: Int, mirrored: Bool) -> [UInt8] {
    func reflected(_ place: Int) -> Int {
      place < 0 ? -place : place > side - 1 ? 2 * (side - 1) - place : place
    }
    return (0..<image.count).map { i in
      let (plane, pixel) = i.quotientAndRemainder(dividingBy: side * side)
      let (y, x) = pixel.quotientAndRemainder(dividingBy: side)
      let column = mirrored ? side - 1 - x : x
      return image[plane * side * side + reflected(y - shift) * side + reflected(column - shift)]
    }
  }

  private func trained(_ tta: String = "none") throws -> TrainingSession {
    var hyperparameters = try Recipe.named("airbench94")
    try hyperparameters.apply(
      overrides: #"{"epochs": 1, "batch_size": 16, "precision": "float32", "tta": "\#(tta)"}"#)
    return try TrainingSession.start(
      train: Dataset.open("shapes", split: .train, limit: 64),
      validation: Dataset.open("shapes", split: .test, limit: 24), hyperparameters: hyperparameters,
      options: TrainingSession.Options(registryPath: nil, threads: 2))
  }

  @Test func theLogitsOfAllViewsAreAveraged() throws {
    let session = try trained()
    _ = try session.run()
    let dataset = try Dataset.open("shapes", split: .test, limit: 24)
    let evaluator = try Evaluator(
      session.trainer.network, of: session.trainer.hyperparameters, threads: 2)
    // Logarithms of probabilities are logits but for a constant, which softmax takes away.
    var sums = [Double](repeating: 0, count: 240)
    let ways: [(shift: Int, mirrored: Bool, weight: Double)] = [
      (0, false, 0.25), (0, true, 0.25), (1, false, 0.125), (1, true, 0.125), (-1, false, 0.125),
      (-1, true, 0.125),
    ]
    let bytes = Array(UnsafeBufferPointer(start: dataset.images.pointer, count: 24 * 3072))
    let normalizer = ImageNormalizer(.cifar, session.trainer.hyperparameters.normalization)
    for way in ways {
      for image in 0..<24 {
        let seen = Self.view(
          Array(bytes[(image * 3072)..<((image + 1) * 3072)]), shift: way.shift,
          mirrored: way.mirrored)
        var numbers = [Float](repeating: 0, count: 3072)
        normalizer.run(seen, to: &numbers)
        var probabilities = [Float](repeating: 0, count: 10)
        evaluator.predict(images: numbers, count: 1, probabilities: &probabilities)
        for c in 0..<10 { sums[image * 10 + c] += way.weight * log(Double(probabilities[c])) }
      }
    }
    let expected = RowOracles.softmax(sums, classes: 10)
    var hits = 0
    for image in 0..<24 {
      let row = expected[(image * 10)..<((image + 1) * 10)]
      let best = row.firstIndex(of: row.max() ?? 0) ?? 0
      hits += best - image * 10 == Int(dataset.labels[image]) ? 1 : 0
    }
    let result = try evaluator.evaluate(dataset, augmentation: .mirrorTranslate).evaluation()
    #expect(result.accuracy == Double(hits) / 24)
    // The loss that the model was trained with, 0.2 of which goes to all classes alike.
    var loss = 0.0
    for image in 0..<24 {
      for c in 0..<10 {
        let target = 0.02 + (c == Int(dataset.labels[image]) ? 0.8 : 0)
        loss -= target * log(expected[image * 10 + c]) / 24
      }
    }
    #expect(abs(result.loss - loss) < 1e-5)
    let none = try evaluator.evaluate(dataset, augmentation: .none).evaluation()
    let plain = try evaluator.evaluate(dataset).evaluation()
    #expect(none.accuracy == plain.accuracy && abs(none.loss - plain.loss) < 1e-9)
  }

  @Test func aTrainingGivesItBesideThePlainAccuracy() throws {
    let session = try trained("mirror")
    #expect(session.result == nil)
    _ = try session.run()
    let result = try #require(session.result)
    #expect(
      result.augmentation == .mirror && result.augmented?.count == 24 && !result.isOfTestImages)
    #expect(try trained().result == nil)
  }

  @Test func namesAreChecked() throws {
    let error = #expect(throws: CifarError.self) { try TestTimeAugmentation(named: "flip") }
    #expect(error?.message.contains("use none, mirror, mirror_translate") == true)
  }
}
