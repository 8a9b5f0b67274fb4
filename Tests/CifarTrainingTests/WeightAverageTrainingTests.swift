import CifarCore
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

/// An exponential moving average of the weights in a training.
@Suite struct WeightAverageTrainingTests {
  private func plain(epochs: Int = 2) throws -> Hyperparameters {
    var hyperparameters = try Hyperparameters.quick(epochs: epochs)
    hyperparameters.callbacks = []
    return hyperparameters
  }

  private func averaging(_ decay: Double, epochs: Int = 2) throws -> Hyperparameters {
    var hyperparameters = try plain(epochs: epochs)
    hyperparameters.ema = decay
    return hyperparameters
  }

  /// What is validated, and what a checkpoint's model computes with, is the average; training itself
  /// takes no notice of it.
  @Test func theAverageIsValidatedAndKept() throws {
    let plain = try Training(plain())
    let averaged = try Training(averaging(0.9))
    let follower = averaged.follower
    let (reports, others) = (follower.reports, plain.follower.reports)
    #expect(reports.map(\.metrics.trainLoss) == others.map(\.metrics.trainLoss))
    #expect(reports.map(\.metrics.valLoss) != others.map(\.metrics.valLoss))

    let checkpoint = try Checkpoint(follower.checkpoints[1].bytes)
    let own = Dictionary(uniqueKeysWithValues: checkpoint.tensors.map { ($0.name, $0.values) })
    let straight = try Checkpoint(plain.follower.checkpoints[1].bytes)
    for tensor in straight.tensors where !tensor.name.hasPrefix("optimizer.") {
      if let trained = own["optimizer.weights." + tensor.name] {
        #expect(trained == tensor.values)
        // A bias that a batch norm takes away again never moves.
        if tensor.name.hasSuffix(".weight") { #expect(own[tensor.name] != tensor.values) }
      } else {
        // Statistics are not averaged.
        #expect(tensor.name.contains("running") && own[tensor.name] == tensor.values)
      }
    }
    // When all is over the network has what the last checkpoint has.
    for tensor in averaged.trainer.network.stateTensors() {
      #expect(own[tensor.name] == tensor.values)
    }
  }

  @Test func aDecayOf0IsTheWeightsThemselves() throws {
    let plain = try Training(plain())
    let averaged = try Training(averaging(0))
    let losses = [plain, averaged].map { $0.follower.reports.map(\.metrics.valLoss) }
    #expect(losses[0] == losses[1])
  }

  /// The best weights are averages, and come back as such.
  @Test func theBestWeightsAreAverages() throws {
    var hyperparameters = try averaging(0.5, epochs: 3)
    hyperparameters.callbacks = [
      CallbackSpec(
        EarlyStopping.Options(
          dialect: .pytorch, monitor: .valLoss, patience: 5, minDelta: 0, restoreBestWeights: true))
    ]
    let training = try Training(hyperparameters)
    let losses = training.follower.reports.map(\.metrics.valLoss)
    let best = losses.firstIndex(of: losses.min() ?? 0) ?? 0
    let checkpoint = try Checkpoint(training.follower.checkpoints[best].bytes)
    for tensor in training.trainer.network.stateTensors() {
      #expect(checkpoint.tensors.contains { $0.name == tensor.name && $0.values == tensor.values })
    }
  }

  @Test(arguments: [-0.1, 1, 2, Double.nan, .infinity]) func decaysOutOfRangeAreNamed(decay: Double)
  {
    let error = failure { try averaging(decay).validate() }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message == "ema \(decay) is not from 0 to below 1")
  }
}
