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
    var recipe = try airbench("airbench94", classes, shape)
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

  /// airbench93 (Jordan 2024, airbench/lib_airbench93.py in the same repository): airbench94 with 128
  /// filters for 256, and 11 epochs. Its test accuracy with the original pixels is 93.0 % with
  /// test-time augmentation.
  ///
  /// Differences: those of airbench94; lookahead begins with the first epoch, not with the fourth, up to
  /// which its decay is at most 0.016.
  static func airbench93(_ classes: Int, _ shape: ImageShape) throws -> Hyperparameters {
    var recipe = try airbench94(classes, shape)
    recipe.recipe = "airbench93"
    recipe.model = recipe.recipe
    recipe.modelSpec = try .preset(
      recipe.model, dialect: .pytorch, classes: classes, shape: shape)
    recipe.exactEpochs = 11
    return recipe
  }

  /// airbench94_muon (Jordan 2024, airbench94_muon.py in the same repository): 8 epochs of batches of
  /// 2000, filters by Muon and the rest by SGD, all rates straight down to 0. Its test accuracy with
  /// the original pixels is 94.0 % with test-time augmentation.
  ///
  /// Differences: those of airbench94; float32 in Muon's products, which have bfloat16 there; the
  /// dense layer's weights are drawn with deviation 1/k and not 1, k = 16·√3, multiplied by k, and
  /// moved by a rate 1/k² as large: their product takes the same way.
  static func airbench94Muon(_ classes: Int, _ shape: ImageShape) throws -> Hyperparameters {
    var recipe = try airbench("airbench94-muon", classes, shape)
    recipe.exactEpochs = 8
    recipe.batchSize = 2000
    let decay = 2e-6 * 2000
    let (biasRate, headRate) = (0.053, 0.67 / 768)
    var optimizer = OptimizerSpec()
    optimizer.type = .sgd
    optimizer.learningRate = headRate
    optimizer.momentum = 0.85
    optimizer.nesterov = true
    optimizer.weightDecay = decay / headRate
    optimizer.groups = [
      ParameterGroup("0.weight", epochs: 0),
      ParameterGroup(
        "0.bias", learningRate: biasRate, weightDecay: decay / biasRate, epochs: 3,
        schedule: LearningRateSchedule(LinearDecay(steps: 3), unit: .fractionalEpoch)),
      ParameterGroup("batch_norm.bias", learningRate: biasRate, weightDecay: decay / biasRate),
      ParameterGroup(
        "conv2d.weight", type: .muon, learningRate: 0.24, momentum: 0.6, nesterov: true,
        weightDecay: 0),
    ]
    recipe.optimizer = optimizer
    recipe.schedule = LearningRateSchedule(LinearDecay(), unit: .step)
    return recipe
  }

  /// By mean and deviation of all pixels of CIFAR-10, as the sources of the record recipes do it; the
  /// tutorial's deviation, which is in wide use, is the mean of that of each image.
  static func recordNormalization(_ shape: ImageShape) -> Normalization {
    shape.channels == 3
      ? Normalization(mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616])
      : .unit(channels: shape.channels)
  }

  /// What the variants of airbench94 have in common.
  private static func airbench(
    _ name: String, _ classes: Int, _ shape: ImageShape
  ) throws -> Hyperparameters {
    var recipe = Hyperparameters(
      recipe: name, model: name,
      modelSpec: try .preset(name, dialect: .pytorch, classes: classes, shape: shape),
      dialect: .pytorch)
    recipe.precision = .mixedBFloat16
    recipe.dropLast = true
    recipe.normalization = recordNormalization(shape)
    recipe.augmentations = [
      Augmentation(AlternatingFlip()), Augmentation(RandomCrop(padding: 2, reflect: true)),
    ]
    recipe.loss = LossSpec(labelSmoothing: 0.2)
    recipe.loss.reduction = .sum
    recipe.testTimeAugmentation = .mirrorTranslate
    recipe.callbacks = [
      CallbackSpec(ModelCheckpoint.Options(dialect: .pytorch, monitor: .valAccuracy))
    ]
    return recipe
  }
}
