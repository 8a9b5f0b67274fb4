import CifarCore
import CifarData
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

/// Parameters with options of their own, lookahead, and epochs in part.
@Suite struct ParameterGroupTests {
  private static let spec = ModelSpec(layers: [
    .conv2d(filters: 8), .batchNorm(), .relu, .maxPool(),
    .residual(layers: [.conv2d(filters: 8, bias: false), .batchNorm(scale: false)]),
    .globalAveragePool, .dense(units: 10),
  ])

  private func members(_ groups: [ParameterGroup]) throws -> [(pattern: String?, names: [String])] {
    var optimizer = OptimizerSpec()
    optimizer.groups = groups
    return try optimizer.members(in: Self.spec.resolved(for: .pytorch)).map {
      ($0.group?.parameters, $0.names.sorted())
    }
  }

  @Test func theFirstPatternThatFitsDecides() throws {
    let all = try members([])
    #expect(all.count == 1 && all[0].pattern == nil)
    #expect(
      all[0].names == [
        "0.bias", "0.weight", "1.bias", "1.weight", "4.layers.0.weight", "4.layers.1.bias",
        "6.bias", "6.weight",
      ])
    let some = try members([
      ParameterGroup("0.bias"), ParameterGroup("batch_norm.*"), ParameterGroup("*.bias"),
      ParameterGroup("4.*"),
    ])
    #expect(
      some.map(\.names) == [
        ["0.bias"], ["1.bias", "1.weight", "4.layers.1.bias"], ["6.bias"], ["4.layers.0.weight"],
        ["0.weight", "6.weight"],
      ])
    #expect(some.last?.pattern == nil)
    let every = try members([ParameterGroup("*")])
    #expect(every.count == 1 && every[0].pattern == "*")
    #expect(try members([ParameterGroup("*e*s.*w*t")])[0].names == ["4.layers.0.weight"])
  }

  @Test func aPatternOfNothingIsAnError() {
    for pattern in ["7.bias", "conv.weight", "weight", "*.Bias"] {
      let error = failure { try members([ParameterGroup(pattern)]) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains("group '\(pattern)' has no parameters") == true)
    }
    #expect(failure { try members([ParameterGroup("*"), ParameterGroup("0.bias")]) } != nil)
  }

  @Test func whatAGroupLeavesOutIsTheOptimizers() {
    var sgd = OptimizerSpec()
    (sgd.type, sgd.momentum, sgd.nesterov, sgd.weightDecay) = (.sgd, 0.9, true, 0.01)
    let muon = sgd.resolved(ParameterGroup("*", type: .muon, learningRate: 0.2))
    #expect(muon.momentum == 0.9 && muon.nesterov && muon.weightDecay == 0.01)
    #expect(muon.learningRate == 0.2 && muon.type == .muon)
    let adam = sgd.resolved(ParameterGroup("*", type: .adam, weightDecay: 0))
    #expect(adam.momentum == 0 && !adam.nesterov && adam.weightDecay == 0)
    #expect(adam.learningRate == sgd.learningRate)
  }

  private func hyperparameters(_ overrides: String) throws -> Hyperparameters {
    var hyperparameters = try Hyperparameters.quick("pytorch", epochs: 2)
    hyperparameters.modelSpec = Self.spec.resolved(for: .pytorch)
    hyperparameters.model = "custom"
    try hyperparameters.apply(overrides: overrides)
    return hyperparameters
  }

  /// Groups of the same optimizer and rate are the optimizer.
  @Test func groupsOfTheSameChangeNothing() throws {
    let one = try Training(hyperparameters("{}"), train: 70, test: 20)
    let groups = try Training(
      hyperparameters(
        #"{"optimizer": {"groups": [{"parameters": "*.bias"}, {"parameters": "conv2d.weight"}]}}"#),
      train: 70, test: 20)
    #expect(one.trainer.network.stateTensors() == groups.trainer.network.stateTensors())
  }

  @Test func frozenParametersStay() throws {
    let beginning = try Network(
      spec: Self.spec, dialect: .pytorch, seed: hyperparameters("{}").seed
    ).stateTensors()
    // Two epochs of three batches: 6.bias is trained in the first four steps.
    let training = try Training(
      hyperparameters(
        #"""
        {"optimizer": {"clip_norm": 0.5, "groups": [{"parameters": "0.weight", "epochs": 0},
         {"parameters": "batch_norm.*", "epochs": 0}, {"parameters": "6.bias", "epochs": 1.2}]}}
        """#), train: 70, test: 20)
    let gradients = training.trainer.network.gradientTensors()
    for (before, after) in zip(beginning, training.trainer.network.stateTensors()) {
      let isFrozen = ["0.weight", "0.bias", "1.weight", "1.bias", "4.layers.1.bias"].contains(
        before.name)
      // A batch norm takes 0.bias away: its gradient is 0.
      #expect((before.values == after.values) == isFrozen, "\(before.name)")
    }
    for gradient in gradients {
      let isTrained = ["4.layers.0.weight", "6.weight"].contains(gradient.name)
      #expect(gradient.values.contains { $0 != 0 } == isTrained, "\(gradient.name)")
    }
  }

  /// Muon is for matrices: others need another optimizer.
  @Test func muonNeedsMatrices() throws {
    let error = failure {
      try Training(hyperparameters(#"{"optimizer": "muon"}"#), train: 70, test: 20)
    }
    #expect(error?.message.contains("'0.bias' is neither") == true)
    let training = try Training(
      hyperparameters(
        #"""
        {"optimizer": {"type": "sgd", "momentum": 0.8, "learning_rate": 0.05, "groups": [
          {"parameters": "conv2d.weight", "type": "muon", "learning_rate": 0.1}]}}
        """#), train: 70, test: 20)
    #expect(training.end == .completed(reason: "all 2 epochs are done"))
  }

  @Test func theLastEpochMayBeAPart() throws {
    let training = try Training(hyperparameters(#"{"epochs": 1.4}"#), train: 70, test: 20)
    // 1.4 · 3 batches are 4.2, so 5 steps.
    #expect(training.trainer.step == 5 && training.trainer.steps == 5)
    #expect(training.trainer.epoch == 2)
    #expect(training.follower.batches.map(\.batches) == [3, 3, 3, 2, 2])
  }

  @Test func dropLastLeavesOutTheRest() throws {
    let training = try Training(
      hyperparameters(#"{"drop_last": true, "epochs": 2}"#), train: 70, test: 20)
    #expect(training.trainer.step == 2 * (70 / training.trainer.hyperparameters.batchSize))
    #expect(training.trainer.hyperparameters.batchSize < 70)
  }

  /// Value by value: slow = slow + (1 − α)·(weights − slow), α = 0.9²·(t/T)^1.
  @Test func lookaheadByItsFormula() throws {
    let network = try Network(spec: Self.spec, dialect: .pytorch, seed: 3)
    var options = LookaheadOptions()
    (options.steps, options.decay, options.power) = (2, 0.9, 1)
    let lookahead = try Lookahead(
      network: network, options: options, pool: ThreadPool(threads: 1))
    var slow = network.stateTensors()
    for step in 1...6 {
      let moved = slow.map { tensor in
        var tensor = tensor
        tensor.values = tensor.values.map { $0 + 0.25 * Float(step) }
        return tensor
      }
      try network.load(moved)
      lookahead.update(step: step, of: 8)
      guard step % 2 == 0 else {
        #expect(network.stateTensors() == moved)
        continue
      }
      let alpha = 0.81 * Double(step) / 8
      for (before, (fast, after)) in zip(slow, zip(moved, network.stateTensors())) {
        for (s, (f, a)) in zip(before.values, zip(fast.values, after.values)) {
          #expect(abs(Double(a) - (Double(s) + (1 - alpha) * Double(f - s))) < 1e-5)
        }
      }
      slow = network.stateTensors()
    }
    lookahead.finish()
    #expect(network.stateTensors() == slow)
  }
}
