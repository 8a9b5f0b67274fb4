import CifarCore
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

/// A recipe, then JSON, then the options that stand on their own.
struct TrainingRequestTests {
  private func hyperparameters(
    _ change: (inout TrainingRequest) -> Void
  ) throws -> Hyperparameters {
    var request = TrainingRequest()
    change(&request)
    return try request.hyperparameters(classes: 10)
  }

  @Test func nothingIsTheDefaultRecipe() throws {
    #expect(try hyperparameters { _ in } == Recipe.named("pytorch"))
    #expect(try hyperparameters { $0.recipe = "keras" } == Recipe.named("keras"))
  }

  @Test func laterOverridesWinAndOptionsWinOverAll() throws {
    let all = #"""
      {"epochs": 5, "batch_size": 8, "learning_rate": 0.5, "seed": 7, "model": "tutorial-gap"}
      """#
    let overridden = try hyperparameters { $0.overrides = [#"{"epochs": 3}"#, all] }
    #expect(overridden.epochs == 5 && overridden.batchSize == 8 && overridden.seed == 7)
    #expect(overridden.optimizer.learningRate == 0.5 && overridden.model == "tutorial-gap")
    let chosen = try hyperparameters {
      $0.overrides = [all]
      ($0.epochs, $0.batchSize, $0.learningRate, $0.seed) = (6, 16, 0.25, 0)
      $0.model = "tutorial"
    }
    #expect(chosen.epochs == 6 && chosen.batchSize == 16 && chosen.seed == 0)
    #expect(chosen.optimizer.learningRate == 0.25 && chosen.model == "tutorial")
  }

  /// A model takes the dialect that the overrides chose.
  @Test func aModelIsMadeForTheDialectOfTheOverrides() throws {
    let chosen = try hyperparameters {
      $0.overrides = [#"{"dialect": "keras", "model": "tutorial"}"#]
      $0.model = "tutorial-gap"
    }
    let expected = try ModelSpec.preset("tutorial-gap", dialect: .keras, classes: 10)
    #expect(chosen.modelSpec == expected)
  }

  @Test func whatIsWrongIsNamed() {
    let recipe = failure { try hyperparameters { $0.recipe = "torch" } }
    #expect(recipe?.message == "unknown recipe 'torch'; use \(Recipe.list)")
    let override = failure { try hyperparameters { $0.overrides = [#"{"epoch": 3}"#] } }
    #expect(override?.message.contains("did you mean 'epochs'?") == true)
    #expect(failure { try hyperparameters { $0.model = "x" } }?.code == .invalidArgument)
    // Also where an option has the last word.
    let range = failure {
      try hyperparameters {
        $0.overrides = [#"{"batch_size": 65537}"#]
        $0.batchSize = 64
      }
    }
    #expect(range?.message == "batch_size 65537 is not from 1 to 65536")
  }
}
