import CheckpointFormat
import CifarCore
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

/// Checkpoints with numbers that no training wrote.
@Suite struct CheckpointValueTests {
  let bytes: [UInt8]

  init() throws {
    bytes = try Training(.quick(epochs: 2), stopsAfter: (2, 3)).trainer.checkpoint()
  }

  private func changed(
    _ change: (inout TrainerState, inout Hyperparameters, inout [Tensor]) -> Void
  ) throws -> Blob {
    let checkpoint = try Checkpoint(bytes)
    var (state, hyperparameters, tensors) =
      (checkpoint.state, checkpoint.hyperparameters, checkpoint.tensors)
    change(&state, &hyperparameters, &tensors)
    return Blob(
      try Checkpoint(hyperparameters: hyperparameters, state: state, tensors: tensors).encoded())
  }

  private func refuse(
    _ code: CifarError.Code = .badData, naming name: String,
    _ change: (inout TrainerState, inout Hyperparameters, inout [Tensor]) -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let blob = try changed(change)
    let error = failure { try resumed(blob) }
    #expect(error?.code == code, "\(name)", sourceLocation: sourceLocation)
    #expect(
      error?.message.contains(name) == true, "\(error?.message ?? "")",
      sourceLocation: sourceLocation)
  }

  @Test func whatIsWholeGoesOn() throws {
    let trainer = try resumed(try changed { _, _, _ in })
    #expect(trainer.epoch == 1 && trainer.batch == 3)
  }

  @Test(arguments: [-1, Int.min, Int.max, 1 << 31, 1 << 53])
  func positionsAreThoseOfATraining(value: Int) throws {
    try refuse(naming: "epoch is \(value)") { state, _, _ in state.epoch = value }
    try refuse(naming: "batch is \(value)") { state, _, _ in state.batch = value }
    try refuse(naming: "step is \(value)") { state, _, _ in state.step = value }
  }

  @Test(arguments: [-1, Int.min, Int.max])
  func countsCanBeCountedOn(value: Int) throws {
    try refuse(naming: "seen is \(value)") { state, _, _ in state.seen = value }
    try refuse(naming: "correct is \(value)") { state, _, _ in state.correct = value }
    try refuse(naming: "callbacks.0.wait is \(value)") { state, _, _ in
      state.callbacks[0].wait = value
    }
    try refuse(naming: "callbacks.1.bestEpoch is \(value)") { state, _, _ in
      state.callbacks[1].bestEpoch = value
    }
  }

  @Test func sumsAreThoseOfTheBatches() throws {
    let state = try Checkpoint(bytes).state
    #expect(state.batch == 3 && state.seen > 0)
    for seen in [2, 3 * 65_536 + 1, 1 << 50] {
      try refuse(naming: "seen is \(seen)") { state, _, _ in state.seen = seen }
    }
    let between: (inout TrainerState) -> Void = { state in
      (state.batch, state.step, state.seen, state.correct) = (0, state.step - 3, 0, 0)
      (state.lossSum, state.trainSeconds, state.epochSeconds) = (0, 0, 0)
      state.epochCPUSeconds = 0
    }
    _ = try resumed(try changed { state, _, _ in between(&state) })
    try refuse(naming: "seen is 1") { state, _, _ in
      between(&state)
      state.seen = 1
    }
    try refuse(naming: "loss_sum is 0.5, not 0") { state, _, _ in
      between(&state)
      state.lossSum = 0.5
    }
    try refuse(naming: "epoch_cpu_seconds is 1.0, not 0") { state, _, _ in
      between(&state)
      state.epochCPUSeconds = 1
    }
    try refuse(naming: "epoch_seconds is 1.0, not 0") { state, _, _ in
      between(&state)
      state.epochSeconds = 1
    }
  }

  @Test(arguments: [Double.nan, .infinity, -1, 1e300])
  func measuresAreNumbers(value: Double) throws {
    if value != 1e300 {
      try refuse(naming: "learning_rate is \(value)") { state, _, _ in state.learningRate = value }
    }
    try refuse(naming: "train_seconds is \(value)") { state, _, _ in state.trainSeconds = value }
    try refuse(naming: "epoch_seconds is \(value)") { state, _, _ in state.epochSeconds = value }
    // As terminate_on_nan leaves it, which is no damage.
    let (code, name): (CifarError.Code, String) =
      value.isFinite
      ? (.badData, "loss_sum is \(value)")
      : (.notFinite, "the loss was \(value) in epoch 2, batch 3")
    try refuse(code, naming: name) { state, _, _ in state.lossSum = value }
  }

  @Test func callbacksAreThoseOfTheHyperparameters() throws {
    try refuse(naming: "callbacks is 0 entries") { state, _, _ in state.callbacks = [] }
    try refuse(naming: "cooldown is -1") { state, _, _ in state.callbacks[0].cooldown = -1 }
    try refuse(naming: "stop_reason") { state, _, _ in
      state.stopReason = String(repeating: "x", count: 1 << 20)
    }
  }

  @Test func aStepIsOneOfItsEpochs() throws {
    // One step more than the batches that there were, or fewer than those of this epoch.
    let step = try Checkpoint(bytes).step
    try refuse(naming: "step is \(step + 1)") { state, _, _ in state.step = step + 1 }
    try refuse(naming: "step is 2") { state, _, _ in state.step = 2 }
  }

  @Test func everyClassHasAName() throws {
    try refuse(naming: "data.class_names has 2 names, but the model has 10") { _, options, _ in
      options.data?.classNames = ["a", "b"]
    }
    let long = String(repeating: "x", count: 1 << 20)
    for name in ["", long, "a\u{0}b"] {
      try refuse(naming: "data.class_names[3]") { _, options, _ in
        options.data?.classNames[3] = name
      }
    }
    let twice = "data.class_names[2] and data.class_names[7] are both 'a'"
    try refuse(naming: twice) { _, options, _ in
      options.data?.classNames[2] = "a"
      options.data?.classNames[7] = "a"
    }
    try refuse(naming: "data.train_count -1") { _, options, _ in options.data?.trainCount = -1 }
  }

  @Test func memoryIsNotTakenForNumbersThatAreNotThere() throws {
    try refuse(naming: "its model needs") { _, options, _ in
      options.modelSpec.layers = [.flatten, .dense(units: 4096), .dense(units: 10)]
    }
  }

  /// The NaN of x86 has its sign set, and is not to be seen as "-nan".
  @Test(arguments: [
    (Float.nan, "nan"), (-.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf"),
  ])
  func weightsAreNumbers(value: Float, text: String) throws {
    try refuse(.notFinite, naming: "tensor '0.weight' has \(text) at [0, 0, 0, 1]") {
      $2[$2.firstIndex { $0.name == "0.weight" } ?? 0].values[1] = value
    }
  }

  @Test(arguments: [".running_var", "optimizer.exp_avg_sq."])
  func meansOfSquaresAreNotNegative(part: String) throws {
    let tensors = try Checkpoint(bytes).tensors
    let name = try #require(tensors.map(\.name).first { $0.contains(part) })
    try refuse(.notFinite, naming: "tensor '\(name)' has -0.5 at [") {
      $2[$2.firstIndex { $0.name == name } ?? 0].values[2] = -0.5
    }
  }

  /// What is not computed with at once would be found at the end of a long training.
  @Test(arguments: ["best.0.weight", "optimizer.exp_avg.0.weight"])
  func whatIsUsedLaterIsChecked(name: String) throws {
    try refuse(.notFinite, naming: "tensor '\(name)' has nan at [0, 0, 0, 1]") {
      $2[try! #require($2.firstIndex { $0.name == name })].values[1] = .nan
    }
    try refuse(.shapeMismatch, naming: "tensor '\(name)' is [") {
      $2[try! #require($2.firstIndex { $0.name == name })].shape.reverse()
    }
    try refuse(.shapeMismatch, naming: "no tensor '\(name)'") {
      $2.removeAll { $0.name == name }
    }
  }

  @Test func noTensorIsLeftOver() throws {
    for name in ["optimizer.weights.0.weight", "best.9.weight", "9.weight"] {
      try refuse(.shapeMismatch, naming: "tensor '\(name)'") {
        $2.append(Tensor(name: name, shape: [1], values: [0]))
      }
    }
  }
}
