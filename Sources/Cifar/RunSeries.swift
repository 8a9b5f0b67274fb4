import CifarCore
import CifarData
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

  /// What the group has of some seeds, as far as it is not whole: a sentence for each of them.
  ///
  /// Nothing is said of one whose run is completed.
  public func lacks(_ seeds: [UInt64]) throws -> [String] {
    guard let registry = try Registry.existing(at: registryPath) else { return [] }
    let runs = try registry.runs(RunQuery(filter: "group = \(RunQuery.quoted(group))"))
    let known = try runs.map { try registry.run(matching: $0.id) }
    return seeds.compactMap { seed in
      let all = known.filter { $0.seed == seed }
      if all.contains(where: { $0.summary.status == .completed }) { return nil }
      guard let run = all.first else { return "seed \(seed) has no run" }
      return "seed \(seed): \(RunSeries.state(of: run))"
    }
  }

  /// `run 12345678 is being trained by process 12 on host`
  public static func state(of run: RunDetail) -> String {
    let id = run.id.prefix(8)
    switch (run.summary.status, run.sessions.last) {
    case (.running, let session?):
      return "run \(id) is being trained by process \(session.pid) on \(session.host.excerpt)"
    case (.failed, let session):
      return
        "run \(id) failed (\(session?.reason ?? "")); cifar-runs rm \(id) makes place for another"
    case (let status, _):
      return "run \(id) is \(status.rawValue)"
    }
  }

  /// The group's run with these hyperparameters, their seed included; nil if it is still to be made.
  ///
  /// A run that ended before its first checkpoint has nothing that could be continued: it goes to the
  /// trash, and is to be made again.
  ///
  /// - Parameters:
  ///   - train: the images to train on.
  ///   - validation: those to validate on.
  ///   - weights: to begin with.
  /// - Throws: `invalidArgument` if its run with this seed was told other things, or had other images
  ///   or first weights.
  public func member(
    _ hyperparameters: Hyperparameters, train: Dataset, validation: Dataset,
    weights: InitialWeights?
  ) throws -> RunDetail? {
    if let file = hyperparameters.callbacks.lazy.compactMap(\.replacedFile).first {
      throw CifarError(
        .invalidArgument,
        "each seed would write over '\(file)': leave csv_logger out (the registry has all epochs: "
          + "cifar-runs export --format csv), or let it append")
    }
    guard let registry = try Registry.existing(at: registryPath) else { return nil }
    let query = RunQuery(
      filter: "group = \(RunQuery.quoted(group)) and seed = \(hyperparameters.seed)")
    for summary in try registry.runs(query) {
      let run = try registry.run(matching: summary.id)
      if run.checkpoints.isEmpty, summary.status != .running, !RunSeries.isOver(summary) {
        try Registry(path: registryPath, mode: .readWrite(create: false)).remove([summary.id])
        continue
      }
      var stored = try StateCoding.decode(
        Hyperparameters.self, from: run.hyperparameters,
        what: "the hyperparameters of run \(summary.id)")
      let (data, record) = (stored.data, stored.weights)
      // What the session itself adds.
      stored.data = hyperparameters.data
      stored.weights = hyperparameters.weights
      func refuse(_ what: String) -> CifarError {
        let id = summary.id.prefix(8)
        return CifarError(
          .invalidArgument,
          "run \(id) of the group '\(group)' has the seed \(hyperparameters.seed) and \(what) "
            + "(cifar-runs show \(id)): choose another --group")
      }
      guard stored == hyperparameters else { throw refuse("other hyperparameters") }
      guard record?.hash == weights?.record.hash else { throw refuse("began with other weights") }
      if let data {
        let images = try SessionImages(
          train: train, validation: validation, split: hyperparameters)
        let isSame =
          data.trainHash == images.train.contentHash
          && data.validationHash == images.validation.contentHash
          && data.testHash == images.test?.contentHash
        guard isSame else { throw refuse("was trained on other images") }
      }
      return run
    }
    return nil
  }
}
