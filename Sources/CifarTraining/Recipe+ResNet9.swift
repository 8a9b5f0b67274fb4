import CifarCore
import CifarData
import CifarNN

extension Recipe {
  /// The nine layers that won DAWNBench (Page 2018, "How to Train Your ResNet", part 4, and its program
  /// dawn.py in davidcpage/cifar10-fast): 24 epochs of batches of 512 by SGD with Nesterov's momentum,
  /// the rate up in a straight line for 5 epochs and down to 0. Its test accuracy with the original
  /// pixels is 94 %.
  ///
  /// Differences: float32 or bfloat16 images in the place of float16; Cutout's square is drawn around
  /// any pixel and may stand over the edge, as its authors have it, where the source keeps all of it
  /// inside; the factor 1/8 stands before the dense layer; the first step has the rate 0, which the
  /// source leaves out, as it counts its steps from 1.
  ///
  /// The source divides its rates by the batch size and multiplies the decay by it, for the sum of the
  /// losses; here are the numbers that its optimizer gets.
  static func resnet9(_ classes: Int, _ shape: ImageShape) throws -> Hyperparameters {
    var recipe = Hyperparameters(
      recipe: "resnet9", model: "resnet9",
      modelSpec: try .preset("resnet9", dialect: .pytorch, classes: classes, shape: shape),
      dialect: .pytorch)
    recipe.exactEpochs = 24
    recipe.batchSize = 512
    recipe.dropLast = true
    recipe.precision = .mixedBFloat16
    var optimizer = OptimizerSpec()
    optimizer.type = .sgd
    optimizer.learningRate = 0.4 / 512
    optimizer.momentum = 0.9
    optimizer.nesterov = true
    optimizer.weightDecay = 5e-4 * 512
    recipe.optimizer = optimizer
    recipe.loss.reduction = .sum
    recipe.schedule = LearningRateSchedule(
      Triangular(start: 0, peak: 5 / 24, end: 0), unit: .step)
    recipe.normalization = recordNormalization(shape)
    recipe.augmentations = [
      Augmentation(RandomCrop(padding: 4, reflect: true)), Augmentation(RandomHorizontalFlip()),
      Augmentation(Cutout(size: 8)),
    ]
    recipe.callbacks = [
      CallbackSpec(ModelCheckpoint.Options(dialect: .pytorch, monitor: .valAccuracy))
    ]
    return recipe
  }
}
