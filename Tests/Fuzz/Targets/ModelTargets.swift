import CheckpointFormat
import Cifar
import CifarCore
import CifarData
import CifarNN
import CifarTraining

enum ModelTargets {
  static func safetensors(_ bytes: [UInt8]) throws {
    // Other programs' types and names, and what a file of weights says of its model.
    _ = try answer {
      try Model(weights: bytes, request: TrainingRequest(), source: "a file", threads: 1)
    }
    guard let file = try answer({ try SafeTensors.decode(bytes) }) else { return }
    let count = file.tensors.reduce(0) { $0 + $1.values.count }
    try require(count * 4 <= bytes.count, "more numbers than bytes")
    let again = try SafeTensors.decode(SafeTensors.encode(file.tensors, metadata: file.metadata))
    try require(again.metadata == file.metadata, "the metadata changes when it is written again")
    try require(
      again.tensors.map(\.name).sorted() == file.tensors.map(\.name).sorted(),
      "the tensors change when they are written again")
  }

  static func checkpoint(_ bytes: [UInt8]) throws {
    guard let model = try answer({ try Model(checkpoint: bytes, threads: 1) }) else { return }
    let classes = model.hyperparameters.modelSpec.classes
    try require(model.classNames.count == classes, "\(model.classNames.count) names")
    let image = [UInt8](repeating: 100, count: ImageShape.cifar.count)
    let probabilities = try AlignedBuffer<Float>(count: classes)
    let isAnswered: Void? = try answer {
      try model.predict(images: image, count: 1, probabilities: probabilities.pointer)
    }
    guard isAnswered != nil else { return }
    try require(probabilities.span.allSatisfy(\.isFinite), "a probability that is no number")
  }

  static func modelJSON(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let spec = try answer({ try ModelSpec(json: text) }),
      try answer({ try ModelBuilder(spec) }) != nil,
      let summary = try answer({ try ModelSummary(of: spec) })
    else { return }
    try require(summary.trainable >= 0 && summary.flops >= 0, "a count below 0")
  }

  /// The first byte says over which recipe.
  static func overrides(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    var hyperparameters = try Recipe.named(Recipe.names[Int(first) % Recipe.names.count])
    let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
    guard try answer({ try hyperparameters.apply(overrides: text) }) != nil else { return }
    _ = try answer { try hyperparameters.validate() }
  }
}
