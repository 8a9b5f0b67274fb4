import CifarCore
import CifarData
import CifarNN

/// Named, complete sets of hyperparameters: the CIFAR-10 tutorial in its two dialects, and what its
/// chapter of improvements adds to the Keras one.
public enum Recipe {
  public static let names = ["pytorch", "keras", "keras-tuned"]
  /// The names as a sentence has them.
  public static let list = "pytorch, keras or keras-tuned"

  /// - Parameter classes: of the images that are to be learned.
  /// - Throws: `invalidArgument` for a name that is none of `names`.
  public static func named(_ name: String, classes: Int = 10) throws -> Hyperparameters {
    switch name {
    case "pytorch": return try pytorch(classes)
    case "keras": return try keras(classes)
    case "keras-tuned": return try kerasTuned(classes)
    default:
      throw CifarError(.invalidArgument, "unknown recipe '\(name)'; use \(list)")
    }
  }

  /// The PyTorch tutorial: normalised by the data set's mean and deviation; flip, rotation and
  /// shift as torchvision does them; the learning rate halved on a plateau; stopped after 10 epochs
  /// without a lower validation loss; the weights with the lowest one kept.
  private static func pytorch(_ classes: Int) throws -> Hyperparameters {
    var recipe = Hyperparameters(
      recipe: "pytorch", model: "tutorial",
      modelSpec: try .preset("tutorial", dialect: .pytorch, classes: classes), dialect: .pytorch)
    recipe.optimizer = OptimizerSpec(type: .adam, learningRate: 1e-3, epsilon: 1e-8)
    recipe.normalization = .cifar10
    recipe.augmentations = [
      Augmentation(RandomHorizontalFlip()), Augmentation(RandomRotation(degrees: 15)),
      Augmentation(RandomTranslation(share: 0.1)),
    ]
    recipe.callbacks = [
      CallbackSpec(
        ReduceLROnPlateau.Options(
          dialect: .pytorch, monitor: .valLoss, factor: 0.5, patience: 5)),
      CallbackSpec(ModelCheckpoint.Options(dialect: .pytorch, monitor: .valLoss)),
      CallbackSpec(
        EarlyStopping.Options(
          dialect: .pytorch, monitor: .valLoss, patience: 10, restoreBestWeights: true)),
    ]
    return recipe
  }

  /// The Keras tutorial: pixels in [0, 1]; ImageDataGenerator; EarlyStopping and ModelCheckpoint.
  private static func keras(_ classes: Int) throws -> Hyperparameters {
    var recipe = Hyperparameters(
      recipe: "keras", model: "tutorial",
      modelSpec: try .preset("tutorial", dialect: .keras, classes: classes), dialect: .keras)
    recipe.optimizer = OptimizerSpec(type: .adam, learningRate: 1e-3, epsilon: 1e-7)
    recipe.normalization = .unit
    recipe.augmentations = [
      Augmentation(
        ImageDataGenerator(
          rotationRange: 15, widthShiftRange: 0.1, heightShiftRange: 0.1, horizontalFlip: true))
    ]
    recipe.callbacks = [
      CallbackSpec(
        EarlyStopping.Options(
          dialect: .keras, monitor: .valLoss, patience: 10, restoreBestWeights: true)),
      CallbackSpec(ModelCheckpoint.Options(dialect: .keras, monitor: .valAccuracy)),
    ]
    return recipe
  }

  /// The Keras tutorial with ReduceLROnPlateau.
  private static func kerasTuned(_ classes: Int) throws -> Hyperparameters {
    var recipe = try keras(classes)
    recipe.recipe = "keras-tuned"
    recipe.callbacks.append(
      CallbackSpec(
        ReduceLROnPlateau.Options(
          dialect: .keras, monitor: .valLoss, factor: 0.5, patience: 5)))
    return recipe
  }
}
