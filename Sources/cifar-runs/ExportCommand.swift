import CifarCore
import CifarRegistry
import CommandSupport
import Glibc

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
    bytes.starts(with: "[\n{\"best_val_accuracy\":".utf8) || bytes.elementsEqual("[\n]\n".utf8)
  }
  private static let csv = FileKind("a CSV export of cifar-runs", startsWith: titles)
  private static let events = FileKind("a TensorBoard event file", contains: "brain.Event:")

  private static func writeEvents(
    _ names: [String], _ registry: Registry, to directory: String, _ arguments: Arguments
  ) throws {
    guard directory != "-" else {
      throw UsageError("tensorboard needs a directory, not standard output: -o DIR")
    }
    try makeDirectory(directory)
    for name in names {
      let run = try registry.run(matching: name)
      // Ids and names come from a file: none of their characters may lead out of the directory.
      let name = run.summary.name.map { "-" + plain($0) } ?? ""
      let place = "\(directory)/\(plain(run.summary.shortID))\(name.prefix(100))"
      try makeDirectory(place, followsLink: false)
      let start = run.summary.started.secondsSince1970
      var file = EventFile(time: start)
      var time = start
      var ends: [Double: Double] = [:]
      for row in run.epochs {
        if row.seconds.isFinite { time += row.seconds }
        ends[Double(row.epoch)] = time
      }
      for name in EpochSeries.names(of: run) {
        let tag = EpochMetric(rawValue: name)?.tag ?? name
        for point in EpochSeries.values(name, of: run) {
          file.scalar(tag, point.y, step: Int(point.x), time: ends[point.x] ?? start)
        }
      }
      let host = plain(String((run.sessions.first?.host ?? "localhost").prefix(64)))
      let second = Int(exactly: start.rounded(.down)) ?? 0
      let path = "\(place)/events.out.tfevents.\(second).\(host)"
      try refuseLink(path)
      try arguments.write(to: path, as: events) { try $0.write(file.bytes) }
      try Interruption.check()
    }
    Output.line("\(names.count) runs in \(directory); tensorboard --logdir \(directory)")
  }

  private static func plain(_ text: String) -> String {
    String(text.map { $0.isLetter || $0.isNumber || $0 == "-" ? $0 : "_" })
  }

  /// What is made within the directory stays there: links that others put into it lead elsewhere.
  private static func refuseLink(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return }
    throw CifarError(.io, "can't write '\(path)': it is a link out of the directory; remove it")
  }

  private static func makeDirectory(_ path: String, followsLink: Bool = true) throws {
    var status = stat()
    if !followsLink { try refuseLink(path) }
    guard mkdir(path, 0o777) != 0 else { return }
    let code = errno
    if code == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
    throw CifarError(
      code == ENOSPC ? .diskFull : .io,
      "can't create the directory '\(path)': \(String(cString: strerror(code)))")
  }
}
