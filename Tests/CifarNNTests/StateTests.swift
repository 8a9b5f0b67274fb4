import CheckpointFormat
import CifarCore
import TestSupport
import Testing

@testable import CifarNN

/// What a checkpoint takes from a network and its optimiser, and gives back.
@Suite struct StateTests {
  /// Two steps, then two more: in one go, and with the second half by another network.
  @Test func trainingGoesOnToTheBit() throws {
    let whole = try Session(seed: 1)
    let half = try Session(seed: 1)
    for step in 1...4 { whole.step(step) }
    for step in 1...2 { half.step(step) }
    let bytes = try SafeTensors.encode(
      half.network.stateTensors() + half.adam.stateTensors(), metadata: [:])
    let stored = try SafeTensors.decode(bytes).tensors

    let resumed = try Session(seed: 99)
    try resumed.network.load(stored)
    try resumed.adam.load(stored, stepCount: 2)
    for step in 3...4 { resumed.step(step) }
    #expect(resumed.network.stateTensors() == whole.network.stateTensors())
    #expect(resumed.adam.stateTensors() == whole.adam.stateTensors())
    #expect(resumed.adam.stepCount == 4)
  }

  @Test func wrongWeightsChangeNothing() throws {
    let network = try Network(spec: SmallModel.spec, dialect: .pytorch, seed: 1)
    let before = network.stateTensors()
    let other = try Network(spec: SmallModel.spec, dialect: .pytorch, seed: 2).stateTensors()
    func fails(_ tensors: [Tensor], naming parts: String...) {
      let error = #expect(throws: CifarError.self) { try network.load(tensors) }
      #expect(error?.code == .shapeMismatch)
      for part in parts { #expect(error?.message.contains(part) == true, "\(part)") }
      #expect(network.stateTensors() == before)
    }
    fails(Array(other.dropLast()), naming: "'\(other.last!.name)'")
    fails(other + [Tensor(name: "40.weight", shape: [1], values: [1])], naming: "'40.weight'")
    var turned = other
    turned[0].shape = [3, 17, 3, 3]
    fails(turned, naming: "'0.weight'", "[3, 17, 3, 3]", "[17, 3, 3, 3]")
    var short = other
    short[0].values.removeLast()
    fails(short, naming: "'0.weight'")
    // What belongs to others is passed over.
    try network.load(
      other + [
        Tensor(name: "optimizer.exp_avg.0.weight", shape: [1], values: [1]),
        Tensor(name: "best.0.weight", shape: [1], values: [1]),
      ])
    #expect(network.stateTensors() == other)
  }

  /// What a plan has packed of the old weights must not be used any more.
  @Test func loadedWeightsAreUsedAtOnce() throws {
    let session = try Session(seed: 1)
    let other = try Session(seed: 2)
    func loss(_ session: Session) -> Double {
      session.plan.evaluate(
        images: SmallModel.images(), labels: SmallModel.labels, count: SmallModel.batch
      ).lossSum
    }
    let before = loss(session)
    try session.network.load(other.network.stateTensors())
    #expect(loss(session) == loss(other))
    #expect(loss(session) != before)
  }

  @Test func wrongMomentsAreNamed() throws {
    let session = try Session(seed: 1)
    session.step(1)
    let before = session.adam.stateTensors()
    func fails(_ tensors: [Tensor], naming parts: String...) {
      let error = #expect(throws: CifarError.self) {
        try session.adam.load(tensors, stepCount: 7)
      }
      #expect(error?.code == .shapeMismatch)
      for part in parts { #expect(error?.message.contains(part) == true, "\(part)") }
      #expect(session.adam.stateTensors() == before)
      #expect(session.adam.stepCount == 1)
    }
    fails(Array(before.dropLast()), naming: "'\(before.last!.name)'")
    var turned = before
    turned[0].shape = [3, 17, 3, 3]
    fails(turned, naming: "[3, 17, 3, 3]", "[17, 3, 3, 3]")
    var short = before
    short[0].values.removeLast()
    fails(short, naming: "'\(short[0].name)'")
    var long = before
    long[before.count - 1].values += [Float](repeating: 1, count: 1_000)
    fails(long, naming: "'\(long[before.count - 1].name)'")
  }

  /// A small network with its optimiser, one batch.
  struct Session {
    let network: Network
    let adam: Adam
    let plan: Plan

    init(seed: UInt64) throws {
      network = try Network(spec: SmallModel.spec, dialect: .keras, seed: seed)
      let pool = ThreadPool(threads: 2)
      adam = try Adam(network: network, options: AdamOptions(epsilon: 1e-7), pool: pool)
      plan = try Plan(network: network, batchSize: SmallModel.batch, training: true, pool: pool)
    }

    func step(_ step: Int) {
      _ = plan.trainStep(
        images: SmallModel.images(UInt64(step)), labels: SmallModel.labels,
        count: SmallModel.batch, seed: 4, step: UInt64(step))
      adam.step(learningRate: 1e-2)
    }
  }
}
