import CifarCore
import CifarRegistry
import CifarTraining

/// The same training from several seeds, as the runs of one group: each seed has its run, which is
/// made, resumed or done.
public struct RunSeries {
  public let group: String
  public let registryPath: String

  public init(group: String, registryPath: String) {
    self.group = group
    self.registryPath = registryPath
  }

  /// Whether there is nothing left to train.
  public static func isOver(_ run: RunSummary) -> Bool {
    run.status == .completed || run.status == .failed
  }

  /// The group's run with these hyperparameters, their seed included; nil if it is still to be made.
  ///
  /// - Throws: `invalidArgument` if its run with this seed was told other things.
  public func member(_ hyperparameters: Hyperparameters) throws -> RunSummary? {
    guard FileName.isFile(registryPath) else { return nil }
    let registry = try Registry(path: registryPath, mode: .readOnly)
    let query = RunQuery(
      filter: "group = \(RunQuery.quoted(group)) and seed = '\(hyperparameters.seed)'", limit: 1)
    guard let summary = try registry.runs(query).first else { return nil }
    var stored = try StateCoding.decode(
      Hyperparameters.self, from: registry.run(matching: summary.id).hyperparameters,
      what: "the hyperparameters of run \(summary.id)")
    // What the session itself adds.
    stored.data = hyperparameters.data
    stored.weights = hyperparameters.weights
    guard stored == hyperparameters else {
      throw CifarError(
        .invalidArgument,
        "run \(summary.id.prefix(8)) of the group '\(group)' has the seed \(hyperparameters.seed) and "
          + "other hyperparameters (cifar-runs show \(summary.id.prefix(8))): choose another --group"
      )
    }
    return summary
  }
}
