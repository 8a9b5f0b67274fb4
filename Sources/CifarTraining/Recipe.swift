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
    Hyperparameters(
      recipe: "pytorch", model: "tutorial",
      modelSpec: try .preset("tutorial", dialect: .pytorch, classes: classes), dialect: .pytorch,
      seed: 0,
      batchSize: 64, epochs: 100,
      optimizer: OptimizerSpec(
        type: "adam", learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8),
      normalization: .cifar10,
      augmentations: [
        .randomHorizontalFlip(probability: 0.5), .randomRotation(degrees: 15),
        .randomTranslation(share: 0.1),
      ],
      callbacks: [
        .reduceLROnPlateau(
          ReduceLROnPlateau.Options(
            dialect: .pytorch, monitor: .valLoss, factor: 0.5, patience: 5, threshold: 1e-4,
            cooldown: 0, minLR: 0, epsilon: 1e-8)),
        .modelCheckpoint(ModelCheckpoint.Options(dialect: .pytorch, monitor: .valLoss)),
        .earlyStopping(
          EarlyStopping.Options(
            dialect: .pytorch, monitor: .valLoss, patience: 10, minDelta: 0,
            restoreBestWeights: true)),
      ])
  }

  /// The Keras tutorial: pixels in [0, 1]; ImageDataGenerator; EarlyStopping and ModelCheckpoint.
  private static func keras(_ classes: Int) throws -> Hyperparameters {
    Hyperparameters(
      recipe: "keras", model: "tutorial",
      modelSpec: try .preset("tutorial", dialect: .keras, classes: classes),
      dialect: .keras, seed: 0, batchSize: 64, epochs: 100,
      optimizer: OptimizerSpec(
        type: "adam", learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7),
      normalization: .unit,
      augmentations: [
        .imageDataGenerator(
          rotationRange: 15, widthShiftRange: 0.1, heightShiftRange: 0.1, horizontalFlip: true)
      ],
      callbacks: [
        .earlyStopping(
          EarlyStopping.Options(
            dialect: .keras, monitor: .valLoss, patience: 10, minDelta: 0,
            restoreBestWeights: true)),
        .modelCheckpoint(ModelCheckpoint.Options(dialect: .keras, monitor: .valAccuracy)),
      ])
  }

  /// The Keras tutorial with ReduceLROnPlateau.
  private static func kerasTuned(_ classes: Int) throws -> Hyperparameters {
    var recipe = try keras(classes)
    recipe.recipe = "keras-tuned"
    recipe.callbacks.append(
      .reduceLROnPlateau(
        ReduceLROnPlateau.Options(
          dialect: .keras, monitor: .valLoss, factor: 0.5, patience: 5, threshold: 1e-4,
          cooldown: 0, minLR: 0, epsilon: 0)))
    return recipe
  }
}
