import CifarCore
import CifarData
import CifarNN

/// Named, complete sets of hyperparameters: the CIFAR-10 tutorial in its two dialects, what its
/// chapter of improvements adds to the Keras one, and record recipes (`Recipe+Airbench.swift`,
/// `Recipe+ResNet9.swift`).
public enum Recipe {
  public static let names = [
    "pytorch", "keras", "keras-tuned", "airbench93", "airbench94", "airbench94-muon", "resnet9",
  ]
  /// The names as a sentence has them.
  public static let list = names.dropLast().joined(separator: ", ") + " or " + names.last!

  /// - Parameters:
  ///   - classes: of the images that are to be learned.
  ///   - shape: of one of them.
  /// - Throws: `invalidArgument` for a name that is none of `names`.
  public static func named(
    _ name: String, classes: Int = 10, shape: ImageShape = .cifar
  ) throws -> Hyperparameters {
    switch name {
    case "pytorch": return try pytorch(classes, shape)
    case "keras": return try keras(classes, shape)
    case "keras-tuned": return try kerasTuned(classes, shape)
    case "airbench93": return try airbench93(classes, shape)
    case "airbench94": return try airbench94(classes, shape)
    case "airbench94-muon": return try airbench94Muon(classes, shape)
    case "resnet9": return try resnet9(classes, shape)
    default:
      throw CifarError(.invalidArgument, "unknown recipe '\(name)'; use \(list)")
    }
  }

  /// A recipe for given images. CIFAR-10's mean and deviation are no grey image's: where a recipe
  /// normalises, grey images get their own.
  ///
  /// - Throws: as above.
  public static func named(_ name: String, for train: Dataset) throws -> Hyperparameters {
    var recipe = try named(name, classes: train.classNames.count, shape: train.shape)
    if train.shape.channels == 1, recipe.dialect == .pytorch {
      recipe.normalization = Normalization(statisticsOf: train)
    }
    return recipe
  }

  /// The PyTorch tutorial: normalised by the data set's mean and deviation; flip, rotation and
  /// shift as torchvision does them; the learning rate halved on a plateau; stopped after 10 epochs
  /// without a lower validation loss; the weights with the lowest one kept.
  private static func pytorch(_ classes: Int, _ shape: ImageShape) throws -> Hyperparameters {
    var recipe = Hyperparameters(
      recipe: "pytorch", model: "tutorial",
      modelSpec: try .preset("tutorial", dialect: .pytorch, classes: classes, shape: shape),
      dialect: .pytorch)
    recipe.optimizer = OptimizerSpec(type: .adam, learningRate: 1e-3, epsilon: 1e-8)
    recipe.normalization = shape.channels == 3 ? .cifar10 : .unit(channels: shape.channels)
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
  private static func keras(_ classes: Int, _ shape: ImageShape) throws -> Hyperparameters {
    var recipe = Hyperparameters(
      recipe: "keras", model: "tutorial",
      modelSpec: try .preset("tutorial", dialect: .keras, classes: classes, shape: shape),
      dialect: .keras)
    recipe.optimizer = OptimizerSpec(type: .adam, learningRate: 1e-3, epsilon: 1e-7)
    recipe.normalization = .unit(channels: shape.channels)
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
  private static func kerasTuned(_ classes: Int, _ shape: ImageShape) throws -> Hyperparameters {
    var recipe = try keras(classes, shape)
    recipe.recipe = "keras-tuned"
    recipe.callbacks.append(
      CallbackSpec(
        ReduceLROnPlateau.Options(
          dialect: .keras, monitor: .valLoss, factor: 0.5, patience: 5)))
    return recipe
  }
}
