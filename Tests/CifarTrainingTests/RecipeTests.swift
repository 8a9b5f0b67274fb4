import CifarCore
import CifarData
import CifarNN
import TestSupport
import Testing

@testable import CifarTraining

/// The recipes to the letter: a value that changes here changes what people get.
@Suite struct RecipeTests {
  private func tutorial(_ norm: LayerSpec) -> [LayerSpec] {
    func block(_ filters: Int, _ rate: Double) -> [LayerSpec] {
      let conv = LayerSpec.conv2d(filters: filters, kernelSize: 3, stride: 1, padding: .same)
      return [conv, norm, .relu, conv, norm, .relu, .maxPool(), .dropout(rate: rate)]
    }
    return block(32, 0.2) + block(64, 0.3) + block(128, 0.4)
      + [.flatten, .dense(units: 512), .relu, .dropout(rate: 0.5), .dense(units: 10)]
  }

  @Test func pytorch() throws {
    let recipe = try Recipe.named("pytorch")
    #expect(recipe.recipe == "pytorch")
    #expect(recipe.model == "tutorial")
    #expect(recipe.dialect == .pytorch)
    #expect(recipe.seed == 0)
    #expect(recipe.batchSize == 64)
    #expect(recipe.epochs == 100)
    #expect(recipe.data == nil)
    #expect(
      recipe.modelSpec.layers
        == tutorial(.batchNorm(momentum: 0.1, epsilon: 1e-5, unbiased: true)))
    #expect(recipe.modelSpec.input == [3, 32, 32])
    #expect(
      recipe.optimizer
        == OptimizerSpec(type: .adam, learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
    )
    #expect(recipe.loss == LossSpec())
    #expect(recipe.schedule == nil)
    #expect(recipe.stepsPerEpoch == nil)
    #expect(recipe.normalization == .cifar10)
    #expect(
      recipe.augmentations == [
        Augmentation(RandomHorizontalFlip(probability: 0.5)),
        Augmentation(RandomRotation(degrees: 15)),
        Augmentation(RandomTranslation(share: 0.1)),
      ])
    #expect(
      recipe.callbacks == [
        CallbackSpec(
          ReduceLROnPlateau.Options(
            dialect: .pytorch, monitor: .valLoss, factor: 0.5, patience: 5, threshold: 1e-4,
            cooldown: 0, minLR: 0, epsilon: 1e-8)),
        CallbackSpec(ModelCheckpoint.Options(dialect: .pytorch, monitor: .valLoss)),
        CallbackSpec(
          EarlyStopping.Options(
            dialect: .pytorch, monitor: .valLoss, patience: 10, minDelta: 0,
            restoreBestWeights: true)),
      ])
  }

  @Test func keras() throws {
    let recipe = try Recipe.named("keras")
    #expect(recipe.recipe == "keras")
    #expect(recipe.model == "tutorial")
    #expect(recipe.dialect == .keras)
    #expect(recipe.seed == 0)
    #expect(recipe.batchSize == 64)
    #expect(recipe.epochs == 100)
    #expect(
      recipe.modelSpec.layers
        == tutorial(.batchNorm(momentum: 0.01, epsilon: 1e-3, unbiased: false)))
    #expect(
      recipe.optimizer
        == OptimizerSpec(type: .adam, learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7)
    )
    #expect(recipe.loss == LossSpec())
    #expect(recipe.schedule == nil)
    #expect(recipe.stepsPerEpoch == nil)
    #expect(recipe.normalization == .unit)
    #expect(
      recipe.augmentations == [
        Augmentation(
          ImageDataGenerator(
            rotationRange: 15, widthShiftRange: 0.1, heightShiftRange: 0.1, horizontalFlip: true))
      ])
    #expect(
      recipe.callbacks == [
        CallbackSpec(
          EarlyStopping.Options(
            dialect: .keras, monitor: .valLoss, patience: 10, minDelta: 0,
            restoreBestWeights: true)),
        CallbackSpec(ModelCheckpoint.Options(dialect: .keras, monitor: .valAccuracy)),
      ])
  }

  @Test func kerasTunedAlsoReducesTheRate() throws {
    var recipe = try Recipe.named("keras-tuned")
    #expect(
      recipe.callbacks.last
        == CallbackSpec(
          ReduceLROnPlateau.Options(
            dialect: .keras, monitor: .valLoss, factor: 0.5, patience: 5, threshold: 1e-4,
            cooldown: 0, minLR: 0, epsilon: 0)))
    recipe.callbacks.removeLast()
    #expect(recipe.recipe == "keras-tuned")
    recipe.recipe = "keras"
    #expect(try recipe == Recipe.named("keras"))
  }

  @Test func airbench93IsAirbench94WithFewerFilters() throws {
    var recipe = try Recipe.named("airbench93")
    let other = try Recipe.named("airbench94")
    let filters = { (recipe: Hyperparameters) in
      recipe.modelSpec.layers.compactMap { layer in
        if case .conv2d(let filters, _, _, _, _, _, _, _) = layer { filters } else { nil }
      }
    }
    #expect(filters(recipe) == [24, 64, 64, 128, 128, 128, 128])
    #expect(filters(other) == [24, 64, 64, 256, 256, 256, 256])
    #expect(recipe.exactEpochs == 11)
    #expect(recipe.recipe == "airbench93" && recipe.model == "airbench93")
    (recipe.recipe, recipe.model, recipe.modelSpec) = (other.recipe, other.model, other.modelSpec)
    recipe.exactEpochs = other.exactEpochs
    #expect(recipe == other)
  }

  @Test func resnet9() throws {
    func block(_ filters: Int) -> [LayerSpec] {
      [
        .conv2d(filters: filters, kernelSize: 3, stride: 1, padding: .same, bias: false),
        .batchNorm(momentum: 0.1, epsilon: 1e-5, unbiased: true), .relu,
      ]
    }
    func residual(_ filters: Int) -> LayerSpec {
      .residual(layers: block(filters) + block(filters), shortcut: [])
    }
    let recipe = try Recipe.named("resnet9")
    #expect(recipe.recipe == "resnet9")
    #expect(recipe.model == "resnet9")
    #expect(recipe.dialect == .pytorch)
    var layers = block(64) + block(128) + [.maxPool(size: 2), residual(128)]
    layers += block(256) + [.maxPool(size: 2)]
    layers += block(512) + [.maxPool(size: 2), residual(512), .globalMaxPool]
    layers += [.scale(factor: 1 / 8), .dense(units: 10, bias: false)]
    #expect(recipe.modelSpec.layers == layers)
    #expect(recipe.batchSize == 512)
    #expect(recipe.exactEpochs == 24)
    #expect(recipe.dropLast)
    #expect(recipe.precision == .mixedBFloat16)
    #expect(recipe.optimizer.type == .sgd)
    #expect(recipe.optimizer.learningRate == 0.00078125)
    #expect(recipe.optimizer.momentum == 0.9)
    #expect(recipe.optimizer.nesterov)
    #expect(recipe.optimizer.weightDecay == 0.256)
    #expect(recipe.optimizer.groups.isEmpty)
    #expect(recipe.loss.reduction == .sum)
    #expect(recipe.loss.labelSmoothing == 0)
    #expect(
      recipe.normalization
        == Normalization(mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616]))
    #expect(
      recipe.augmentations == [
        Augmentation(RandomCrop(padding: 4, reflect: true)),
        Augmentation(RandomHorizontalFlip(probability: 0.5)), Augmentation(Cutout(size: 8)),
      ])
    #expect(
      recipe.callbacks == [
        CallbackSpec(ModelCheckpoint.Options(dialect: .pytorch, monitor: .valAccuracy))
      ])
    // 50,000 images are 97 batches of 512: PiecewiseLinear([0, 5, 24], [0, 0.4, 0]) of the source.
    let curve = Triangular(start: 0, peak: 5 / 24, end: 0)
    #expect(recipe.schedule == LearningRateSchedule(curve, unit: .step))
    for step in stride(from: 0.0, to: 24 * 97, by: 1) {
      let epoch = step / 97
      let expected = epoch < 5 ? epoch / 5 : (24 - epoch) / 19
      #expect(abs(curve.factor(step, of: 24 * 97) - expected) < 1e-12)
    }
  }

  @Test func everyNameIsARecipeThatHolds() throws {
    #expect(
      Recipe.names == [
        "pytorch", "keras", "keras-tuned", "airbench93", "airbench94", "airbench94-muon", "resnet9",
      ])
    #expect(Recipe.list.hasSuffix(", airbench94-muon or resnet9"))
    #expect(Recipe.names.allSatisfy(Recipe.list.contains))
    for name in Recipe.names { try Recipe.named(name).validate() }
    let error = failure { try Recipe.named("Keras") }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message == "unknown recipe 'Keras'; use \(Recipe.list)")
  }
}
