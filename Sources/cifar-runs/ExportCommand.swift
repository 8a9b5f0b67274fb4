import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs export`: runs for other programs.
enum ExportCommand {
  private static let formats = ["json", "csv", "tensorboard"]

  static var command: Command {
    Command(
      "export", summary: "writes runs as JSON, CSV or TensorBoard event files",
      positionals: [.anyRuns],
      options: [
        Option(
          "--format", value: "KIND", help: "json, csv or tensorboard (else json)",
          choices: formats),
        Option(
          "--output", short: "-o", value: "FILE|DIR",
          help: "where to (else or with -: standard output); a directory for tensorboard"),
        .force,
      ] + Option.selection + [.registry],
      discussion: """
        json is everything 'show' knows, an array of runs. csv has a row an epoch with the run's id
        and name before it; a ' stands before a name that a spreadsheet would take for a formula.
        tensorboard makes a directory a run: tensorboard --logdir DIR shows them.
        Checkpoints are written by `cifar export`.
        """,
      examples: [
        "cifar-runs export -o runs.json", "cifar-runs export 3f2a --format csv > epochs.csv",
        "cifar-runs export --tag sweep --format tensorboard -o logs",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let format = try arguments.choice("--format", of: formats) ?? "json"
    let output = arguments.value("--output")
    let query = try arguments.query()
    let registry = try arguments.openRegistry()
    var names = arguments.positionals
    if names.isEmpty { names = try registry.runs(query, damaged: Output.leftOut).map(\.id) }
    if format == "tensorboard" {
      guard let output else { throw UsageError("tensorboard needs a directory: -o DIR") }
      return try writeEvents(names, registry, to: output, arguments)
    }
    let isJSON = format == "json"
    try arguments.write(to: output ?? "-", as: isJSON ? json : csv) { file in
      try isJSON ? writeJSON(names, registry, to: file) : writeCSV(names, registry, to: file)
    }
  }

  // One run in memory at a time: a registry may hold ten thousand.

  private static func writeJSON(
    _ names: [String], _ registry: Registry, to file: FileWriter
  ) throws {
    try file.write("[")
    for (index, name) in names.enumerated() {
      let record = try registry.run(matching: name).record
      let text = JSONValue.members(record).text(indented: false)
      try file.write((index == 0 ? "\n" : ",\n") + text)
    }
    try file.write("\n]\n")
  }

  private static func writeCSV(
    _ names: [String], _ registry: Registry, to file: FileWriter
  ) throws {
    try file.write(titles)
    for name in names {
      let run = try registry.run(matching: name)
      for row in run.epochs {
        let values = [.string(run.id), .optional(run.summary.name)] + row.record.map(\.value)
        try file.write(CSV.line(values))
      }
    }
  }

  private static let titles = CSV.line(["id", "name"] + EpochMetrics.recordColumns)

  private static let json = FileKind("a JSON export of cifar-runs") { bytes in
    // The first member of a run, as names are sorted.
    bytes.starts(with: "[\n{\"best_".utf8) || bytes.elementsEqual("[\n]\n".utf8)
  }
  private static let csv = FileKind("a CSV export of cifar-runs", startsWith: titles)
  private static let events = FileKind("a TensorBoard event file", contains: "brain.Event:")

  private static func writeEvents(
    _ names: [String], _ registry: Registry, to directory: String, _ arguments: Arguments
  ) throws {
    guard directory != "-" else {
      throw UsageError("tensorboard needs a directory, not standard output: -o DIR")
    }
    for name in names {
      let run = try registry.run(matching: name)
      let place = try EventDirectory(
        of: run.id, name: run.summary.name, host: run.sessions.first?.host ?? "", in: directory)
      let path = try place.file(time: run.summary.started.secondsSince1970)
      var file = try eventFile(of: run)
      try arguments.write(to: path, as: events) { try $0.write(file.take()) }
      try Interruption.check()
    }
    Output.line("\(names.count) runs in \(directory); tensorboard --logdir \(directory)")
  }

  private static func eventFile(of run: RunDetail) throws -> EventFile {
    let start = run.summary.started.secondsSince1970
    var file = EventFile(time: start)
    let lines = HyperparameterLines.lines(of: try JSONValue(stored: run.hyperparameters))
    file.hyperparameters(lines, group: run.summary.group, time: start)
    var time = start
    var ends: [Int: Double] = [:]
    for row in run.epochs {
      if row.seconds.isFinite { time += row.seconds }
      ends[row.epoch] = time
      file.epoch(row, time: time)
    }
    for row in run.metrics {
      file.scalar(row.name, row.value, step: row.epoch, time: ends[row.epoch] ?? start)
    }
    switch run.summary.status {
    case .completed, .stopped: file.end(.success, time: time)
    case .failed, .crashed, .interrupted: file.end(.failure, time: time)
    case .running: break
    }
    return file
  }
}
