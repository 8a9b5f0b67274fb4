import CifarCore
import CifarData
import CifarNN

/// What a caller wants to be trained: a recipe, and what is changed of it.
///
/// Whoever asks, changes go from the general to the particular: the recipe, then `overrides` in their
/// order, then the options that stand on their own, and the model.
public struct TrainingRequest: Equatable, Sendable {
  public static let defaultRecipe = "pytorch"

  /// One of `Recipe.names`.
  public var recipe = TrainingRequest.defaultRecipe
  /// JSON objects as `Hyperparameters.apply(overrides:)` takes them.
  public var overrides: [String] = []
  // nil for what recipe and overrides say.
  public var epochs: Double?
  public var batchSize: Int?
  public var learningRate: Double?
  public var seed: UInt64?
  /// A preset's name, or the JSON of a spec.
  public var model: String?

  public init() {}

  /// Whether the images' normalization is not left to the recipe.
  public var saysNormalization: Bool {
    overrides.contains { (try? JSONValue(text: $0))?["normalization"] != nil }
  }

  /// The complete set of hyperparameters.
  ///
  /// - Parameter train: what is to be learned.
  /// - Throws: `invalidArgument`, naming what is unknown or invalid.
  public func hyperparameters(for train: Dataset) throws -> Hyperparameters {
    let result = try hyperparameters(
      from: Recipe.named(recipe, for: train), classes: train.classNames.count, shape: train.shape)
    // Before its normalization, which is one of these images.
    try Trainer.check(result, takes: train)
    return result
  }

  /// Makes sure that there are images which it could be asked for, before any are read.
  ///
  /// - Throws: as `hyperparameters(for:)`, as far as the images do not matter.
  public func check() throws {
    do {
      try check(.cifar)
    } catch {
      // What is meant for images in greys is no fault yet.
      guard let grey = try? ImageShape(channels: 1, height: 28, width: 28),
        (try? check(grey)) != nil
      else { throw error }
    }
  }

  private func check(_ shape: ImageShape) throws {
    try hyperparameters(classes: 10, shape: shape).validate()
  }

  /// The same for images that are known by their classes alone: of the shape that a spec names as its
  /// input, else CIFAR's.
  ///
  /// - Throws: as above.
  public func hyperparameters(classes: Int) throws -> Hyperparameters {
    try hyperparameters(classes: classes, shape: shape)
  }

  private var shape: ImageShape {
    guard let model, let input = try? JSONValue(text: model)["input"]?.array,
      let shape = try? ImageShape(
        input.map { if case .integer(let side) = $0 { Int(clamping: side) } else { 0 } })
    else { return .cifar }
    return shape
  }

  private func hyperparameters(classes: Int, shape: ImageShape) throws -> Hyperparameters {
    try hyperparameters(
      from: Recipe.named(recipe, classes: classes, shape: shape), classes: classes, shape: shape)
  }

  private func hyperparameters(
    from recipe: Hyperparameters, classes: Int, shape: ImageShape
  ) throws -> Hyperparameters {
    var result = recipe
    for text in overrides { try result.apply(overrides: text) }
    // A value that is out of its range is an error also where an option has the last word.
    // Parameters are named as in the model that is trained.
    if !overrides.isEmpty {
      var chosen = result
      if let model { try chosen.choose(model: model, classes: classes, shape: shape) }
      try chosen.validate()
    }
    if let epochs { result.exactEpochs = epochs }
    if let batchSize { result.batchSize = batchSize }
    if let learningRate { result.optimizer.learningRate = learningRate }
    if let seed { result.seed = seed }
    if let model { try result.choose(model: model, classes: classes, shape: shape) }
    return result
  }
}
