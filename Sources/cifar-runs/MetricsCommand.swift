import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs metrics`: every epoch's numbers.
enum MetricsCommand {
  static var command: Command {
    Command(
      "metrics", summary: "shows every epoch's metrics of a run", positionals: [.run],
      options: [
        Option(
          "--metric", value: "NAME", help: "only this metric; may be given several times",
          choices: EpochSeries.builtIn),
        .registry,
      ] + OutputFormat.options,
      examples: [
        "cifar-runs metrics 3f2a",
        "cifar-runs metrics 3f2a --csv > epochs.csv",
        "cifar-runs metrics 3f2a --metric val_loss --metric learning_rate",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let run = try arguments.openRegistry().run(matching: arguments.positionals[0])
    let known = EpochSeries.names(of: run)
    let asked = arguments.all("--metric").map { name in
      name.hasPrefix("metrics.") ? String(name.dropFirst("metrics.".count)) : name
    }
    for name in asked where !known.contains(name) {
      throw UsageError(
        "run \(run.summary.shortID) has no metric '\(name)', it has "
          + known.joined(separator: ", "))
    }
    let names = asked.isEmpty ? known : asked
    let series = names.map { name in
      Dictionary(EpochSeries.values(name, of: run).map { (Int($0.x), $0.y) }) { $1 }
    }
    let records: [Record] = run.epochs.map { row in
      [("epoch", .integer(Int64(row.epoch)))]
        + zip(names, series).map { (name: $0, value: .optional($1[row.epoch])) }
    }
    let format = try arguments.format()
    if format != .table {
      return Output.write(records, as: format, columns: ["epoch"] + names)
    }
    var table = Table(
      [.init("EPOCH", right: true)]
        + names.enumerated().map { .init($1.uppercased(), right: true, rank: $0) })
    for row in run.epochs {
      table.add(
        [.init("\(row.epoch)")]
          + zip(names, series).map { name, values in
            .init(values[row.epoch].text { text($0, name) })
          })
    }
    Output.write(table.text(for: .standardOutput))
  }

  private static func text(_ value: Double, _ name: String) -> String {
    Format.metric(value, EpochMetric(rawValue: name)?.format ?? .number)
  }
}
