import Cifar
import CifarCore
import CifarData
import CifarRegistry
import CifarTraining
import CommandSupport

/// `cifar train --seeds`: the same training from several seeds, as one group of runs.
struct SeedSeries {
  static let option = Option(
    "--seeds", value: "A..B|A,B,…",
    help:
      "train once with each of these seeds, as the runs of one --group; the\nsame command again "
      + "continues with what is missing")

  /// More of them are a mistake.
  static let most = 1000

  let group: String
  let seeds: [UInt64]

  /// nil where no seeds are asked for.
  ///
  /// - Throws: `UsageError`.
  init?(_ arguments: Arguments) throws {
    guard let text = arguments.value("--seeds") else { return nil }
    guard arguments.value("--seed") == nil else {
      throw UsageError("--seed and --seeds exclude each other")
    }
    guard let group = arguments.value("--group") ?? arguments.value("--name") else {
      throw UsageError("--seeds makes a group of runs: give it a name with --group NAME")
    }
    self.group = group
    seeds = try SeedSeries.seeds(text)
  }

  /// - Throws: `UsageError` for what is neither `A..B` nor a list.
  static func seeds(_ text: String) throws -> [UInt64] {
    let failure = UsageError(
      "--seeds '\(text.excerpt)' is neither a range such as 0..4 nor a list such as 1,5,9 of up to "
        + "\(most) different seeds")
    let ends = text.split(separator: "..", omittingEmptySubsequences: false)
    let seeds: [UInt64]
    if ends.count == 2 {
      guard let first = UInt64(ends[0]), let last = UInt64(ends[1]), first <= last,
        last - first < UInt64(most)
      else { throw failure }
      seeds = Array(first...last)
    } else {
      seeds = try text.split(separator: ",", omittingEmptySubsequences: false).map {
        guard let seed = UInt64($0) else { throw failure }
        return seed
      }
    }
    guard seeds.count <= most, Set(seeds).count == seeds.count else { throw failure }
    return seeds
  }

  /// Trains with every seed that the group has no whole run of.
  ///
  /// - Parameters:
  ///   - hyperparameters: those of all runs, but for the seed.
  ///   - options: of each; a name gets the seed after it.
  ///   - images, weights: that each begins with.
  ///   - start: begins a run.
  func run(
    _ hyperparameters: Hyperparameters, _ options: TrainingSession.Options, quiet: Bool,
    location: String?, images: (train: Dataset, validation: Dataset), weights: InitialWeights?,
    _ processes: Processes?,
    start: (Hyperparameters, TrainingSession.Options) throws -> TrainingSession
  ) throws {
    let path = try options.registryPath ?? Registry.defaultPath()
    for (number, seed) in seeds.enumerated() {
      var hyperparameters = hyperparameters
      hyperparameters.seed = seed
      var options = options
      options.group = group
      options.name = options.name.map { "\($0)-seed\(seed)" }
      let known = try RunSeries(group: group, registryPath: path).member(
        hyperparameters, train: images.train, validation: images.validation, weights: weights)
      if !quiet {
        Output.line("Seed \(seed), \(number + 1) of \(seeds.count)" + text(known))
      }
      if let known, RunSeries.isOver(known) {
        Output.line(known.id)
        continue
      }
      // Each run has its own peak, not that of the runs before.
      ProcessUsage.resetPeakMemory()
      try Training.run(quiet: quiet, processes) {
        guard let known else { return try start(hyperparameters, options) }
        return try TrainingSession.resume(run: known.id, location: location, options: options)
      }
    }
    if !quiet {
      Output.line("cifar-runs compare --group '\(group)' has their mean and deviation.")
    }
  }

  private func text(_ known: RunSummary?) -> String {
    guard let known else { return "" }
    return ": run \(known.id.prefix(8)) is \(known.status.rawValue)"
      + (RunSeries.isOver(known) ? "" : ", and is resumed")
  }
}
