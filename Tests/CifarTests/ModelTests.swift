import CheckpointFormat
import CifarCore
import CifarData
import CifarNN
import CifarRegistry
import Glibc
import TestSupport
import Testing

@testable import Cifar
@testable import CifarTraining

@Suite struct ModelTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func model(threads: Int = 1) throws -> Model {
    try Model(checkpoint: try Sample.undisturbed().last.bytes, threads: threads)
  }

  private func predict(
    _ model: Model, _ dataset: Dataset, from: Int = 0, count: Int
  ) throws -> [Float] {
    var probabilities = [Float](repeating: .nan, count: count * 10)
    try model.predict(
      images: dataset.images.pointer + from * ImageShape.cifar.count, count: count,
      probabilities: &probabilities)
    return probabilities
  }

  @Test func itKnowsWhereItComesFrom() throws {
    let model = try model()
    #expect(model.epoch == 3)
    #expect(model.classNames == (try Images.train()).classNames)
    #expect(model.hyperparameters.recipe == "pytorch")
    // Filters, their biases, scales and shifts, then the two dense layers.
    let convolutions = 8 * 27 + 3 * 8 + 16 * 72 + 3 * 16
    #expect(model.parameterCount == convolutions + 32 * 1024 + 32 + 320 + 10)
  }

  /// The trainer measured the same weights on the same images.
  @Test func evaluationIsWhatTheEpochsRowSays() throws {
    let sample = try Sample()
    let session = try sample.start(keepLast: 0)
    _ = try session.run([Follower()])
    let run = try sample.run(session.runID)
    for row in run.checkpoints {
      let model = try Model(
        registryPath: sample.path, run: run.id, checkpoint: .id(row.id), threads: 1)
      let result = try model.evaluate(try Images.test())
      let expected = run.epochs[row.epoch - 1]
      #expect(result.count == 40)
      #expect(result.accuracy == expected.valAccuracy)
      #expect(abs(result.loss - expected.valLoss) < 1e-6)
    }
    let best = try Model(registryPath: sample.path, run: run.id, threads: 1)
    #expect(best.epoch == run.checkpoints.first { $0.isBest }?.epoch)
  }

  @Test func whatOverflowsIsNoAnswer() throws {
    let checkpoint = try Checkpoint(try Sample.undisturbed().last.bytes)
    let tensors = checkpoint.tensors.map { tensor in
      guard tensor.name.hasSuffix("weight") else { return tensor }
      return Tensor(
        name: tensor.name, shape: tensor.shape,
        values: tensor.values.map { $0 < 0 ? -1e38 : 1e38 })
    }
    let bytes = try Checkpoint(
      hyperparameters: checkpoint.hyperparameters, state: checkpoint.state, tensors: tensors
    ).encoded()
    let images = try Images.train()
    let model = try Model(checkpoint: bytes, threads: 1)
    #expect(failure { try predict(model, images, count: 3) }?.code == .notFinite)
    #expect(failure { try model.evaluate(images) }?.code == .notFinite)
    let diverged = try Model(checkpoint: bytes, threads: 1, allowsNonFinite: true)
    #expect(try predict(diverged, images, count: 3).contains { !$0.isFinite })
  }

  @Test func predictionsAreProbabilities() throws {
    let model = try model()
    let images = try Images.train()
    let probabilities = try predict(model, images, count: 100)
    var correct = 0
    var loss = 0.0
    for image in 0..<100 {
      let row = probabilities[(image * 10)..<(image * 10 + 10)]
      #expect(abs(row.reduce(0, +) - 1) < 1e-5)
      #expect(row.allSatisfy { (0...1).contains($0) })
      let label = Int(images.labels[image])
      loss -= log(Double(row[row.startIndex + label]))
      if row.max() == row[row.startIndex + label] { correct += 1 }
    }
    let result = try model.evaluate(images)
    #expect(result.accuracy == Double(correct) / 100)
    #expect(abs(result.loss - loss / 100) < 1e-4)
  }

  @Test func neitherBatchNorThreadsChangeAPrediction() throws {
    let images = try Images.train()
    let together = try predict(try model(), images, count: 100)
    #expect(try predict(try model(threads: 2), images, count: 100) == together)
    let one = try model()
    for image in [0, 1, 57, 99] {
      #expect(
        try predict(one, images, from: image, count: 1)
          == Array(together[(image * 10)..<(image * 10 + 10)]))
    }
  }

  @Test func moreImagesThanABatchHolds() throws {
    let images = try Images.train()
    let size = 100 * ImageShape.cifar.count
    let once = Array(UnsafeBufferPointer(start: images.images.pointer, count: size))
    let many = Array((0..<3).map { _ in once }.joined())
    let model = try model()
    var probabilities = [Float](repeating: .nan, count: 3000)
    try model.predict(images: many, count: 300, probabilities: &probabilities)
    let expected = try predict(model, images, count: 100)
    for part in 0..<3 {
      #expect(Array(probabilities[(part * 1000)..<((part + 1) * 1000)]) == expected)
    }
    // None at all is no trouble either.
    try model.predict(images: many, count: 0, probabilities: &probabilities)
  }

  @Test func aSavedModelIsTheSame() throws {
    let model = try model()
    let path = directory.file("model.safetensors")
    try model.save(to: path)
    #expect(directory.contents == ["model.safetensors"])
    let opened = try Model(file: path, threads: 1)
    #expect(opened.epoch == 3 && opened.step == model.step && opened.step > 0)
    #expect(opened.hyperparameters == model.hyperparameters)
    let images = try Images.test()
    #expect(try predict(opened, images, count: 40) == predict(model, images, count: 40))
    // A second time over the first.
    let first = try File.contents(of: path)
    try opened.save(to: path)
    #expect(Blob(try File.contents(of: path)) == Blob(first))
    try model.export(ExportOptions(.checkpoint), to: path)
    #expect(Blob(try File.contents(of: path)) == (try Sample.undisturbed()).last)
  }

  /// With the moments, the average's counterpart and the best weights: whoever imports the file can
  /// resume it.
  @Test func aTrainersModelIsSavedAsItsCheckpointWas() throws {
    var hyperparameters = try Hyperparameters.quick()
    hyperparameters.ema = 0.9
    hyperparameters.callbacks = [
      CallbackSpec(
        EarlyStopping.Options(
          dialect: .pytorch, monitor: .valLoss, patience: 5, minDelta: 0, restoreBestWeights: true))
    ]
    let session = try TrainingSession.start(
      train: try Images.train(), validation: try Images.test(), hyperparameters: hyperparameters,
      options: .init(registryPath: nil, threads: 1))
    let untrained = try Model(session.trainer.snapshot(), threads: 1)
    let before = try session.trainer.checkpoint()
    _ = try session.run()
    let model = try Model(session.trainer.snapshot(), threads: 1)
    let after = try session.trainer.checkpoint()
    #expect(before != after)
    #expect(Blob(try untrained.checkpoint()) == Blob(before))
    // Of weights that were put back the trainer's state does not tell that they were chosen.
    #expect(
      Blob(try model.checkpoint())
        == Blob(try CheckpointContainer.setting(isChosen: true, in: after)))
    let names = try Checkpoint(after).tensors.map(\.name)
    for prefix in ["optimizer.exp_avg.", "optimizer.weights.", "best."] {
      #expect(names.contains { $0.hasPrefix(prefix) }, "\(prefix)")
    }
    // What is done to the trainer's network is not done to the model's.
    let images = try Images.test()
    let opened = try Model(checkpoint: after, threads: 1)
    try session.trainer.network.load(try Checkpoint(before).tensors)
    #expect(try predict(model, images, count: 40) == predict(opened, images, count: 40))
    #expect(try predict(untrained, images, count: 40) != predict(opened, images, count: 40))
  }

  @Test func whatIsNoModelIsNamed() throws {
    let path = directory.file("model.safetensors")
    let absent = failure { try Model(file: path) }
    #expect(absent?.code == .notFound)
    #expect(absent?.message.contains(path) == true)
    let bytes = try Sample.undisturbed().last.bytes
    for content in [[], [1, 2, 3], Array(bytes.dropLast()), Array(bytes[0..<2000])] {
      try FileWriter.write(content, to: path, as: .checkpoint, force: true)
      let error = failure { try Model(file: path) }
      #expect(error?.code == .badData)
      #expect(error?.message.contains(path) == true)
    }
    let error = failure { try Model(file: directory.path) }
    #expect(error?.code == .io)
    #expect(error?.message.contains(directory.path) == true)
  }

  @Test func whereNothingCanBeSavedIsNamed() throws {
    let model = try model()
    for path in [directory.file("none/model"), "/proc/model"] {
      let error = failure { try model.save(to: path) }
      #expect(error?.code == .io)
      #expect(error?.message.contains(path) == true)
    }
    // In place of a directory.
    let error = failure { try model.save(to: directory.path) }
    #expect(error?.code == .invalidArgument)
    #expect(directory.contents.isEmpty)
    #expect(failure { try File.contents(of: directory.path + ".part") }?.code == .notFound)
  }

  @Test func aRegistryThatIsNotThereIsNotMade() throws {
    let error = failure { try Model(registryPath: directory.file("runs.db"), run: "any") }
    #expect(error?.code == .notFound)
    #expect(directory.contents.isEmpty)
  }

  @Test func imagesOfOtherClassesAreRefused() throws {
    let images = [UInt8](repeating: 0, count: ImageShape.cifar.count)
    let dataset = try images.withUnsafeBufferPointer { images in
      try [Int32(1)].withUnsafeBufferPointer { labels in
        try Dataset(images: images, labels: labels, classNames: ["a", "b"], split: .test)
      }
    }
    let error = failure { try model().evaluate(dataset) }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.message.contains("10 classes") == true)
  }

  @Test func classNamesMustBeTheModels() throws {
    let images = try Images.test()
    func named(_ names: [String]) throws -> Dataset {
      try Dataset(
        images: UnsafeBufferPointer(start: images.images.pointer, count: images.images.count),
        labels: UnsafeBufferPointer(start: images.labels.pointer, count: images.labels.count),
        classNames: names, split: .test)
    }
    let model = try model()
    var names = images.classNames
    names.swapAt(2, 5)
    let error = failure { try model.evaluate(try named(names)) }
    #expect(error?.code == .shapeMismatch)
    for part in ["class 2", names[2], names[5], "another order"] {
      #expect(error?.message.contains(part) == true, "\(part)")
    }
    // Classes that nobody named are the model's.
    let unnamed = try model.evaluate(try named((0..<10).map(String.init)))
    #expect(unnamed == (try model.evaluate(images)))
    #expect(unnamed.classNames == images.classNames)
  }

  @Test(arguments: [0, -1, 1025]) func threadsOutOfRangeAreRefused(threads: Int) throws {
    let error = failure { try model(threads: threads) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message == "threads \(threads) is not in 1 to 1024")
  }
}
