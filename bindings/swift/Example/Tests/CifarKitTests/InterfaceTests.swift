import CifarKit
import Foundation
import Testing

/// A directory of its own, taken away in the end.
final class Place {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

  init() throws {
    try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: path) }

  func file(_ name: String) -> String { path.appendingPathComponent(name).path }

  func registry() throws -> Registry { try Registry(file("runs.db")) }

  /// A model of one layer on 128 images, for two epochs of two batches.
  func trainer(name: String? = nil, epochs: Int = 2, seed: UInt64? = nil) throws -> Trainer {
    var options = TrainOptions()
    options.registry = file("runs.db")
    options.name = name
    options.epochs = Double(epochs)
    options.seed = seed
    options.tags = ["b", "a"]
    options.packages = #"{"program": "1.2"}"#
    options.noPatch = true
    options.model = #"[{"type": "max_pool"}, {"type": "flatten"}, {"type": "dense", "units": 10}]"#
    return try Trainer(train: shapes(.train), validation: shapes(.test), options: options)
  }

  func resumed(_ run: String) throws -> Trainer {
    var options = ResumeOptions()
    options.registry = file("runs.db")
    return try Trainer(resuming: run, options: options)
  }
}

func shapes(_ split: Dataset.Split) throws -> Dataset {
  try Dataset("shapes", split: split, limit: 128)
}

/// The status of what a call throws.
func status(_ call: () throws -> Void) -> CifarError.Status? {
  do {
    try call()
    return nil
  } catch {
    return (error as? CifarError)?.status
  }
}

@Test func theLibraryIsThere() {
  #expect(Library.version.hasPrefix("0."))
  #expect(["baseline", "avx2", "avx512", "avx512vnni"].contains(Library.instructionSet))
  #expect(Library.defaultThreads >= 1)
  #expect(CifarError.Status.diskFull.name == "CIFAR_E_DISK_FULL")
}

@Test func aTrainingTellsWhatHappensInOrder() throws {
  let place = try Place()
  let trainer = try place.trainer(name: "told")
  var events: [String] = []
  try trainer.run { event in
    events.append(String("\(event)".prefix { $0 != "(" }))
    switch event {
    case .batchEnd(let batch): #expect(batch.batches == 2 && batch.epochs == 2)
    case .validationEnd(let validation): #expect(validation.images == 128)
    case .epochEnd(let epoch):
      try trainer.record("twice", 2 * epoch.valLoss)
      try trainer.setLearningRate(0.5)
    default: break
    }
    return .proceed
  }
  let epoch = [
    "epochBegin", "batchBegin", "batchEnd", "batchBegin", "batchEnd", "validationBegin",
    "validationEnd", "epochEnd",
  ]
  #expect(events == ["trainBegin"] + epoch + epoch + ["trainEnd"])

  let info = try trainer.info()
  #expect(info.epoch == 2 && info.step == 4 && !info.hasDiverged)
  #expect(info.endReason == "all 2 epochs are done")
  #expect(status { try trainer.run() } == .invalidState)

  let run = try place.registry().run("told")
  #expect(run.info.id == info.runID && run.info.tags == ["a", "b"])
  #expect(run.epochs.map(\.learningRate).last == 0.5)
  #expect(run.metrics.map(\.name) == ["twice", "twice"])
  #expect(run.metrics.last?.value == run.epochs.last.map { 2 * $0.valLoss })
  #expect(run.hyperparameters.hasPrefix("{"))
}

@Test func aTrainingIsStoppedAndResumedToTheSameBits() throws {
  let place = try Place()
  try place.trainer(name: "whole").run()
  let trainer = try place.trainer(name: "parts")
  let stopped = status {
    try trainer.run { event in
      if case .batchEnd(let batch) = event, batch.epoch == 2 { return .stop }
      return .proceed
    }
  }
  #expect(stopped == .callback)
  try place.resumed("parts").run()
  let losses = try ["whole", "parts"].map { try place.registry().run($0).epochs.map(\.valLoss) }
  #expect(losses[0] == losses[1] && losses[0].count == 2)
}

@Test func whatIsThrownLeavesTheRun() throws {
  struct Enough: Error {}
  let place = try Place()
  let trainer = try place.trainer()
  var calls = 0
  #expect(throws: Enough.self) {
    try trainer.run { event in
      calls += 1
      guard case .epochEnd = event else { return .proceed }
      calls = 0
      throw Enough()
    }
  }
  #expect(calls == 0)
  #expect(try trainer.info().epoch == 1)
  #expect(try place.registry().runs().map(\.status) == ["stopped"])
}

@Test func anotherThreadInterrupts() throws {
  let place = try Place()
  let trainer = try place.trainer(epochs: 1_000_000)
  let interrupted = status {
    try trainer.run { event in
      if case .epochEnd = event { Thread.detachNewThread { trainer.interrupt() } }
      return .proceed
    }
  }
  #expect(interrupted == .interrupted)
  #expect(try place.registry().runs(where: "status = interrupted").count == 1)
}

@Test func weightsGoOutAndIn() throws {
  let place = try Place()
  let trainer = try place.trainer(name: "out")
  try trainer.run()
  let model = try trainer.model()
  let (images, _) = try shapes(.test).read(0..<2)
  let expected = try model.predict(images)
  try model.export(.weights, to: place.file("w.safetensors"))
  var names = ExportOptions()
  names.names = "sequential"
  for other in [
    try Model(weights: place.file("w.safetensors")),
    try Model(weights: model.encoded(as: .weights, names)),
    try Model(weights: model.encoded(as: .checkpoint)),
  ] {
    #expect(try other.predict(images) == expected)
  }
  let onnx = try model.encoded(as: .onnx)
  try model.export(.onnx, to: place.file("m.onnx"))
  #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: place.file("m.onnx")))) == onnx)
  #expect(status { try model.export(.weights, to: place.file("m.h5")) } == .invalidArgument)
  names.names = "tutorial"
  #expect(status { _ = try model.encoded(as: .weights, names) } == .unsupported)
  var options = ImportOptions()
  options.model = "tutorial"
  #expect(
    status { _ = try Model(weights: place.file("w.safetensors"), options) } == .shapeMismatch)
}

@Test func imagesHaveWeights() throws {
  let images = [UInt8](repeating: 7, count: 2 * ImageShape.cifar.bytes)
  _ = try Dataset(
    images: images, labels: [0, 1], sampleWeights: [0, 2.5], classNames: ["a", "b"], split: .train)
  for (weights, expected) in [
    ([1] as [Float], CifarError.Status.shapeMismatch), ([0, 0], .badData), ([1, .nan], .badData),
  ] {
    #expect(
      status {
        _ = try Dataset(
          images: images, labels: [0, 1], sampleWeights: weights, classNames: ["a", "b"],
          split: .train)
      } == expected)
  }
}

@Test func aModelIsSavedAndOpenedAgain() throws {
  let place = try Place()
  let trainer = try place.trainer(name: "saved")
  try trainer.run()
  let model = try trainer.model()
  try model.save(to: place.file("model.safetensors"))
  let test = try shapes(.test)
  let (images, labels) = try test.read(0..<3)
  #expect(images.count == 3 * test.shape.bytes && labels.count == 3)
  let expected = try model.predict(images)
  #expect(expected.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-5 })
  for other in [
    try Model(file: place.file("model.safetensors")),
    try Model(run: "saved", registry: place.file("runs.db")),
  ] {
    #expect(try other.predict(images) == expected)
    #expect(try other.evaluate(test) == model.evaluate(test))
    #expect(other.classNames == test.classNames && other.parameters == 7690)
    #expect(try other.summary().contains("dense"))
    try other.setPrecision("mixed_bfloat16")
    #expect(try other.precision() == "mixed_bfloat16")
    #expect(throws: CifarError.self) { try other.setPrecision("float16") }
    let small = try other.quantized(calibration: test, images: 16)
    #expect(try small.precision() == "int8")
    #expect(throws: CifarError.self) { try small.quantized(calibration: test) }
    #expect(other.hyperparameters.contains("max_pool"))
  }
  #expect(try model.predict([]) == [])
  #expect(status { _ = try model.predict([1]) } == .shapeMismatch)
}

@Test func aDataSetComesFromArrays() throws {
  let shape = ImageShape(channels: 1, height: 28, width: 20)
  let images = (0..<(2 * shape.bytes)).map { UInt8($0 % 251) }
  let data = try Dataset(
    images: images, shape: shape, labels: [1, 0], classNames: ["a", "b"], split: .train)
  #expect(data.shape == shape)
  #expect(data.count == 2 && data.name == "memory" && data.location == nil)
  #expect(try data.read(0..<2).images == images && data.read(1..<2).labels == [0])
  #expect(status { _ = try data.read(1..<3) } == .invalidArgument)
  for (labels, names, expected) in [
    ([Int32(0)], ["a", "b"], CifarError.Status.shapeMismatch), ([0, 2], ["a", "b"], .badData),
    ([0, 1], ["a", "a"], .invalidArgument), ([0, 1], ["a", "b\0"], .invalidArgument),
  ] {
    let failed = status {
      _ = try Dataset(
        images: images, shape: shape, labels: labels, classNames: names, split: .train)
    }
    #expect(failed == expected)
  }
  #expect(status { _ = try Dataset("/nowhere", split: .test) } == .notFound)
  #expect(status { _ = try Dataset("shapes", split: .test, limit: -1) } == .invalidArgument)
}

@Test func theRegistryIsAskedAndEdited() throws {
  let place = try Place()
  #expect(status { _ = try place.registry() } == .notFound)
  for seed in UInt64(1)...3 { try place.trainer(name: "run \(seed)", seed: seed).run() }
  let registry = try place.registry()
  let names = try registry.runs(where: "seed > 1", sort: "seed", ascending: true).map(\.name)
  #expect(names == ["run 2", "run 3"])
  #expect(status { _ = try registry.runs(where: "seed >") } == .invalidArgument)

  try registry.tag("run 1", "good")
  try registry.untag("run 1", "a")
  try registry.note("run 1", "looks\nwell")
  try registry.rename("run 2", to: "second")
  let run = try registry.run("run 1")
  let session = try #require(run.sessions.first)
  #expect(run.sessions.count == 1 && session.status == "completed" && session.resumedEpoch == nil)
  #expect(session.environment?.contains("program") == true && session.threads > 0)
  // In a repository the reason stands there, elsewhere nothing.
  #expect(session.gitChanges?.contains("left out") ?? true)
  #expect(run.info.tags == ["b", "good"] && run.notes.map(\.text) == ["looks\nwell"])

  let checkpoint = try #require(run.checkpoints.last)
  #expect(checkpoint.epoch == 2 && checkpoint.size > 0 && checkpoint.sha256.count == 64)
  try registry.pin(checkpoint: checkpoint.id)
  #expect(try registry.run("run 1").checkpoints.last?.isPinned == true)
  let file = place.file("checkpoint.safetensors")
  try registry.export(checkpoint: checkpoint.id, to: file)
  let imported = try registry.importCheckpoint(file, name: "imported")
  #expect(try registry.run("imported").info.id == imported)
  let forked = try registry.fork("run 1", name: "child")
  #expect(try registry.run(forked).info.parent == run.info.id)

  try registry.remove("second")
  #expect(try registry.runs(trash: true).map(\.name) == ["second"])
  try registry.restore("second")
  try registry.remove("second")
  _ = try registry.collect()
  #expect(try registry.runs(trash: true).isEmpty)
  #expect(try registry.problems().isEmpty)
  try registry.backup(to: place.file("copy.db"))
  #expect(try Registry(place.file("copy.db")).run("run 3").epochs.count == 2)
  let merged = try registry.merge(from: place.file("copy.db"))
  #expect(merged.added == 0 && merged.unchanged > 0 && merged.checkpoints == 0)
}
