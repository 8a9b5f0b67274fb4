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
      + "continues with what is missing, also at the same time in another process")
  static let count = Option(
    "--repeat", value: "N",
    help: "the same as --seeds 0..N-1: N trainings, as the runs of one --group")

  /// More of them are a mistake.
  static let most = 1000

  let group: String
  let seeds: [UInt64]

  /// nil where no seeds are asked for.
  ///
  /// - Throws: `UsageError`.
  init?(_ arguments: Arguments) throws {
    let count = try arguments.integer("--repeat", in: 1...SeedSeries.most)
    let option = count == nil ? "--seeds" : "--repeat"
    guard count == nil || arguments.value("--seeds") == nil else {
      throw UsageError("--seeds and --repeat exclude each other")
    }
    guard
      let seeds = try count.map({ Array(0..<UInt64($0)) })
        ?? arguments.value("--seeds").map(SeedSeries.seeds)
    else { return nil }
    guard arguments.value("--seed") == nil else {
      throw UsageError("--seed and \(option) exclude each other")
    }
    guard let group = arguments.value("--group") ?? arguments.value("--name") else {
      throw UsageError("\(option) makes a group of runs: give it a name with --group NAME")
    }
    self.group = group
    self.seeds = seeds
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

  /// The same command goes on with the group: a resume of one run would leave out the seeds after it.
  private static func again(run: String) -> String { CommandLine.text }

  /// Another process has the run of a seed.
  private struct Taken: Error {
    let message: String
  }

  /// Trains with every seed that the group has no whole run of. What another process trains is left to it,
  /// and one that diverges does not keep the others from being trained.
  ///
  /// - Parameters:
  ///   - hyperparameters: those of all runs, but for the seed.
  ///   - options: of each; a name gets the seed after it.
  ///   - images, weights: that each begins with.
  ///   - registryOption: see `Arguments.registryOption`.
  ///   - start: begins a run.
  /// - Throws: also where the group is not whole at the end, naming the seeds.
  func run(
    _ hyperparameters: Hyperparameters, _ options: TrainingSession.Options, quiet: Bool,
    location: String?, images: (train: Dataset, validation: Dataset), weights: InitialWeights?,
    _ processes: Processes?, registryOption: String,
    start: (Hyperparameters, TrainingSession.Options) throws -> TrainingSession
  ) throws {
    let path = try options.registryPath ?? Registry.defaultPath()
    let series = RunSeries(group: group, registryPath: path)
    func member(_ hyperparameters: Hyperparameters) throws -> RunDetail? {
      try series.member(
        hyperparameters, train: images.train, validation: images.validation, weights: weights)
    }
    let all = seeds.map { seed in
      var hyperparameters = hyperparameters
      hyperparameters.seed = seed
      return hyperparameters
    }
    // A run that does not belong to the group is refused before any is trained.
    for hyperparameters in all { _ = try member(hyperparameters) }
    for (number, hyperparameters) in all.enumerated() {
      let seed = hyperparameters.seed
      var options = options
      options.group = group
      options.isOnlyOfItsSeed = true
      options.name = options.name.map { "\($0)-seed\(seed)" }
      let known = try member(hyperparameters)
      if !quiet {
        Output.line("Seed \(seed), \(number + 1) of \(seeds.count)" + text(known))
      }
      if let known, RunSeries.isOver(known.summary) {
        Output.line(known.id)
        continue
      }
      if known?.summary.status == .running { continue }
      // Each run has its own peak, not that of the runs before.
      ProcessUsage.resetPeakMemory()
      do {
        try Training.run(quiet: quiet, processes, continuation: SeedSeries.again) {
          do {
            guard let known else { return try start(hyperparameters, options) }
            return try TrainingSession.resume(run: known.id, location: location, options: options)
          } catch let error as CifarError where error.code == .busy && !error.isTransient {
            throw Taken(message: error.message)
          }
        }
      } catch let taken as Taken {
        Output.error("cifar: seed \(seed): \(taken.message)")
      } catch let error as CifarError where error.code == .notFinite && processes == nil {
        // The others may do better.
        Output.error("cifar: seed \(seed): \(error.message)")
      }
    }
    let lacks = try series.lacks(seeds)
    guard lacks.isEmpty else {
      throw CifarError(
        .invalidState,
        "the group '\(group.excerpt)' is not whole: " + lacks.joined(separator: "; "))
    }
    if !quiet {
      Output.line(
        "cifar-runs compare --group \(CommandLine.quoted(group))\(registryOption) has their mean and deviation."
      )
    }
  }

  private func text(_ known: RunDetail?) -> String {
    guard let known else { return "" }
    switch known.summary.status {
    case .completed, .failed:
      return ": run \(known.id.prefix(8)) is \(known.summary.status.rawValue)"
    case .running: return ": \(RunSeries.state(of: known))"
    default:
      return ": run \(known.id.prefix(8)) is \(known.summary.status.rawValue), and is resumed"
    }
  }
}
