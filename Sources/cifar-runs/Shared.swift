import CifarCore
import CifarRegistry
import CommandSupport

extension Option {
  static let registry = Option(
    "--registry", value: "FILE",
    help: "the registry's file (else $CIFAR_REGISTRY, else ./cifar-runs.db)")
  static let yes = Option("--yes", short: "-y", help: "go ahead without asking")
  static let dryRun = Option("--dry-run", help: "say what would be done, and do nothing")
  static let filter = Option(
    "--filter", value: "CONDITION", help: "only runs for which it holds (see list --help)")
  static let metric = Option(
    "--metric", value: "NAME", help: "the metric to draw, may be given several times",
    choices: EpochSeries.builtIn)

  static let selection = [
    filter,
    Option(
      "--status", value: "S,…", help: "only runs with one of these statuses",
      choices: RunStatus.allCases.map(\.rawValue)),
    Option("--tag", value: "TAG", help: "only runs with this tag; may be given several times"),
    Option(
      "--group", value: "NAME", help: "only runs of this group; of several, where it is given so"),
    Option(
      "--since", value: "TIME", help: "only runs started since then: 2d, yesterday, 2026-11-23"),
    Option("--trash", help: "the runs in the trash instead"),
  ]
}

extension Positional {
  static let run = Positional(
    "RUN", help: "a run's id, at least its first 4 characters, or its name")
  static let runs = Positional("RUN", help: run.help, repeats: true)
  static let anyRuns = Positional(
    "RUN", help: run.help + "; else all", required: false, repeats: true)
}

extension Output {
  /// Tells of a run that is not shown because it cannot be read.
  static func leftOut(_ error: CifarError) { message("a run is left out: \(error)\n") }
}

extension Arguments {
  func registryPath() throws -> String {
    try value("--registry") ?? Registry.defaultPath()
  }

  /// The registry that the options and the environment name, for reading.
  func openRegistry() throws -> Registry {
    try Registry(path: registryPath(), mode: .readOnly)
  }

  /// Likewise for writing.
  func openRegistryForWriting(create: Bool = false) throws -> Registry {
    try Registry(path: registryPath(), mode: .readWrite(create: create))
  }

  /// The runs that the options select.
  func query() throws -> RunQuery {
    var query = RunQuery(filter: value("--filter"), trash: has("--trash"))
    let statuses = all("--status").flatMap { $0.split(separator: ",").map(String.init) }
    for status in statuses where RunStatus(rawValue: status) == nil {
      let known = RunStatus.allCases.map(\.rawValue).joined(separator: ", ")
      throw UsageError("--status '\(status)' is none of \(known)")
    }
    if !statuses.isEmpty { query.also.append("status in (\(statuses.joined(separator: ", ")))") }
    for tag in all("--tag") { query.also.append("tag = \(RunQuery.quoted(tag))") }
    let groups = all("--group").map(RunQuery.quoted)
    if !groups.isEmpty { query.also.append("group in (\(groups.joined(separator: ", ")))") }
    if let since = value("--since") {
      guard let time = RunQuery.moment(since) else {
        throw UsageError(
          "--since '\(since)' is no time; write 2d, '3 hours ago', yesterday or 2026-11-23")
      }
      query.also.append("started >= '\(time)'")
    }
    return query
  }
}

extension RunStatus {
  var style: Style {
    switch self {
    case .running: .cyan
    case .completed: .green
    case .stopped, .interrupted: .yellow
    case .failed, .crashed: .red
    }
  }
}

extension RunSummary {
  var epochsText: String { "\(epochs)/\(epochsPlanned)" }
  var shortID: String { String(id.prefix(8)) }
  /// What people call it: its name, else its short id.
  var label: String { name ?? shortID }
}

extension Optional where Wrapped == Double {
  /// The number formatted, or a dash where there is none.
  func text(_ format: (Double) -> String) -> String { map(format) ?? "–" }
}
