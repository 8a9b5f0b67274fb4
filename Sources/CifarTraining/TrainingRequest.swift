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
  public var epochs: Int?
  public var batchSize: Int?
  public var learningRate: Double?
  public var seed: UInt64?
  /// A preset's name, or the JSON of a spec.
  public var model: String?

  public init() {}

  /// The complete set of hyperparameters.
  ///
  /// - Parameter classes: of the images.
  /// - Throws: `invalidArgument`, naming what is unknown or invalid.
  public func hyperparameters(classes: Int) throws -> Hyperparameters {
    var result = try Recipe.named(recipe, classes: classes)
    for text in overrides { try result.apply(overrides: text) }
    // A value that is out of its range is an error also where an option has the last word.
    if !overrides.isEmpty { try result.validate() }
    if let epochs { result.epochs = epochs }
    if let batchSize { result.batchSize = batchSize }
    if let learningRate { result.optimizer.learningRate = learningRate }
    if let seed { result.seed = seed }
    if let model { try result.choose(model: model, classes: classes) }
    return result
  }
}
