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
          help: "where to (else the output); a directory for tensorboard"),
      ] + Option.selection + [.registry],
      discussion: """
        json is everything 'show' knows, an array of runs. csv has a row an epoch with the run's id
        and name before it. tensorboard makes a directory a run: tensorboard --logdir DIR shows them.
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
      return try writeEvents(names, registry, to: output)
    }
    // One run in memory at a time: a registry may hold ten thousand.
    var text = ""
    func put(_ piece: String) {
      if output == nil { Output.write(piece) } else { text += piece }
    }
    if format == "json" {
      put("[")
      for (index, name) in names.enumerated() {
        let record = try registry.run(matching: name).record
        put((index == 0 ? "\n" : ",\n") + JSONValue.members(record).text(indented: false))
      }
      put("\n]\n")
    } else {
      put(CSV.line(["id", "name"] + EpochRow.recordColumns))
      for name in names {
        let run = try registry.run(matching: name)
        for row in run.epochs {
          let values = row.record.map { field($0.value) }
          put(CSV.line([run.id, run.summary.name ?? ""] + values))
        }
      }
    }
    if let output { try TextFile.write(text, to: output) }
  }

  private static func field(_ value: JSONValue) -> String {
    if case .null = value { return "" }
    return value.text(indented: false).filter { $0 != "\"" }
  }

  private static func writeEvents(
    _ names: [String], _ registry: Registry, to directory: String
  ) throws {
    try TextFile.makeDirectory(directory)
    for name in names {
      let run = try registry.run(matching: name)
      let safe =
        run.summary.name.map { "-" + $0.map { $0.isLetter || $0.isNumber ? $0 : "_" } } ?? ""
      let place = "\(directory)/\(run.summary.shortID)\(safe)"
      try TextFile.makeDirectory(place)
      let start = run.summary.started.secondsSince1970
      var file = EventFile(time: start)
      var time = start
      var ends: [Double: Double] = [:]
      for row in run.epochs {
        if row.seconds.isFinite { time += row.seconds }
        ends[Double(row.epoch)] = time
      }
      for name in EpochSeries.names(of: run) {
        for point in EpochSeries.values(name, of: run) {
          file.scalar(tag(name), point.y, step: Int(point.x), time: ends[point.x] ?? start)
        }
      }
      let host = run.sessions.first?.host ?? "localhost"
      try file.bytes.withUnsafeBytes {
        try TextFile.write($0, to: "\(place)/events.out.tfevents.\(Int(start)).\(host)")
      }
    }
    Output.line("\(names.count) runs in \(directory); tensorboard --logdir \(directory)")
  }

  /// TensorBoard draws what has the same first part in one section.
  private static func tag(_ name: String) -> String {
    switch name {
    case "train_loss": "loss/train"
    case "val_loss": "loss/validation"
    case "train_accuracy": "accuracy/train"
    case "val_accuracy": "accuracy/validation"
    case "lr": "learning_rate"
    case "seconds", "images_per_second": "speed/" + name
    default: name
    }
  }
}
