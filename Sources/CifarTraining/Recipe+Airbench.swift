import CifarCore
import CifarData
import CifarNN

extension Recipe {
  /// airbench94 (Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498, and
  /// its program airbench94.py): 9.9 epochs of batches of 1024 by SGD with Nesterov's momentum and
  /// lookahead. Its test accuracy with the original pixels is 94.0 % with test-time augmentation.
  ///
  /// Differences: float32 or bfloat16 images in the place of float16; crops and flips are drawn per
  /// image from the run's seed; the factor 1/9 stands before the dense layer.
  ///
  /// The source states rates for the sum of the losses of 1024 images and with all momentum in them;
  /// here are the numbers that its optimizer gets.
  static func airbench94(_ classes: Int, _ shape: ImageShape) throws -> Hyperparameters {
    var recipe = try airbench("airbench94", classes, shape, factor: 1 / 9)
    recipe.exactEpochs = 9.9
    recipe.batchSize = 1024
    let momentum = 0.85
    let kilostep = 1024 * (1 + 1 / (1 - momentum))
    let rate = 11.5 / kilostep
    let decay = 0.0153 * 1024 / kilostep
    let biasRate = 64 * rate
    var optimizer = OptimizerSpec()
    optimizer.type = .sgd
    optimizer.learningRate = rate
    optimizer.momentum = momentum
    optimizer.nesterov = true
    optimizer.weightDecay = decay / rate
    optimizer.groups = [
      ParameterGroup("0.weight", epochs: 0), ParameterGroup("0.bias", epochs: 3),
      ParameterGroup(
        "batch_norm.bias", learningRate: biasRate, weightDecay: decay / biasRate),
    ]
    recipe.optimizer = optimizer
    recipe.lookahead = LookaheadSpec()
    recipe.schedule = LearningRateSchedule(
      Triangular(start: 0.2, peak: 0.23, end: 0.07), unit: .step)
    return recipe
  }

  /// What the variants of airbench94 have in common.
  private static func airbench(
    _ name: String, _ classes: Int, _ shape: ImageShape, factor: Double
  ) throws -> Hyperparameters {
    guard (2...1000).contains(classes) else {
      throw CifarError(.invalidArgument, "classes \(classes) is not in 2 to 1000")
    }
    var spec = ModelSpec.airbench(channels: shape.channels, classes: classes, factor: factor)
    spec.input = shape.dimensions
    var recipe = Hyperparameters(
      recipe: name, model: name, modelSpec: spec.resolved(for: .pytorch), dialect: .pytorch)
    recipe.precision = .mixedBFloat16
    recipe.dropLast = true
    recipe.normalization =
      shape.channels == 3
      ? Normalization(mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616])
      : .unit(channels: shape.channels)
    recipe.augmentations = [
      Augmentation(AlternatingFlip()), Augmentation(RandomCrop(padding: 2, reflect: true)),
    ]
    recipe.loss = LossSpec(labelSmoothing: 0.2)
    recipe.loss.reduction = .sum
    recipe.callbacks = [
      CallbackSpec(ModelCheckpoint.Options(dialect: .pytorch, monitor: .valAccuracy))
    ]
    return recipe
  }
}
