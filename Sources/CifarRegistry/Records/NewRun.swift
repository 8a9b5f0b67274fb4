/// Everything known when a run begins.
public struct NewRun: Sendable {
  /// What people call it; names need not be unique.
  public var name: String?
  public var recipe: String
  /// The complete set of hyperparameters, defaults included, as a JSON object.
  public var hyperparameters: String
  /// The model's specification as a JSON object.
  public var model: String
  public var dataset: String
  public var datasetHash: String?
  public var seed: UInt64
  /// The last one perhaps in part.
  public var epochsPlanned: Double
  public var retention: Retention
  public var session: SessionInfo
  /// Tags from the start.
  public var tags: [String] = []
  /// The group that it belongs to.
  public var group: String?
  /// Whether the group has no more than one run of a seed: that is refused of which it has one.
  public var isOnlyOfItsSeed = false

  public init(
    name: String? = nil, recipe: String, hyperparameters: String, model: String, dataset: String,
    datasetHash: String? = nil, seed: UInt64, epochsPlanned: Double,
    retention: Retention = .last(2),
    session: SessionInfo
  ) {
    self.name = name
    self.recipe = recipe
    self.hyperparameters = hyperparameters
    self.model = model
    self.dataset = dataset
    self.datasetHash = datasetHash
    self.seed = seed
    self.epochsPlanned = epochsPlanned
    self.retention = retention
    self.session = session
  }
}
