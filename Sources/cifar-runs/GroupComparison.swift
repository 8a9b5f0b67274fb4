import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs compare --group`: groups of runs side by side.
enum GroupComparison {
  static func run(_ arguments: Arguments) throws {
    for option in ["--max", "--min", "-n"] where arguments.value(option) != nil {
      throw UsageError("\(option) orders or counts runs, and goes without --group")
    }
    guard arguments.positionals.isEmpty else {
      throw UsageError("name runs, or groups by --group, not both")
    }
    let registry = try arguments.openRegistry()
    var query = try arguments.query()
    query.descending = false
    let runs = try registry.runs(query, damaged: Output.leftOut)
    var names: [String] = []
    for name in arguments.all("--group") where !names.contains(name) { names.append(name) }
    let groups = try names.map { name in
      let members = runs.filter { $0.group == name }
      guard !members.isEmpty else {
        throw CifarError(.notFound, "no run in \(registry.path) is in the group '\(name.excerpt)'")
      }
      return Group(name: name, runs: try members.map { try registry.run(matching: $0.id) })
    }
    let format = try arguments.format()
    if format != .table {
      return Output.write(
        try groups.flatMap { try $0.records }, as: format, columns: Group.recordColumns)
    }
    Output.write(try table(of: groups, all: arguments.has("--all")).text(for: .standardOutput))
  }

  private static func table(of groups: [Group], all: Bool) throws -> Table {
    var table = Table([.init("")] + groups.map { .init($0.name, narrowest: 8) })
    table.add(
      [.init("runs", .dim)]
        + groups.map { group in
          let completed = group.runs.count { $0.summary.status == .completed }
          let others = group.runs.count - completed
          return .init("\(group.runs.count)" + (others > 0 ? ", \(completed) completed" : ""))
        })
    let chosenOn = try groups.map { try $0.chosenOn.map { $0 ?? "–" }.joined(separator: ", ") }
    table.add([.init(Group.chosenOnTitle, .dim)] + chosenOn.map { .init($0) })
    for metric in groups.flatMap(\.measures).map(\.name).uniqued() {
      let measures = groups.map { group in group.measures.first { $0.name == metric } }
      table.add([.init(metric, .dim)] + measures.map { .init($0?.text ?? "–") })
    }
    let parameters = try groups.map { try $0.hyperparameters() }
    for name in parameters.flatMap({ $0.map(\.name) }).uniqued() where name != "seed" {
      let values = parameters.map { lines in lines.first { $0.name == name }?.value ?? "–" }
      guard all || Set(values).count > 1 else { continue }
      table.add([.init(name, .dim)] + values.map { .init($0) })
    }
    return table
  }
}

/// Runs of one group, and what they came to together.
private struct Group {
  let name: String
  let runs: [RunDetail]

  var measures: [Measure] {
    let summaries = runs.map(\.summary)
    let own = runs.flatMap { $0.metrics.map(\.name) }.uniqued().map { name in
      Measure(
        name, runs.map { run in run.metrics.last { $0.name == name }?.value }, Format.own(name))
    }
    return [
      Measure("best val_accuracy", summaries.map(\.bestValAccuracy), Format.percent),
      Measure("best val_loss", summaries.map(\.bestValLoss), Format.loss),
      Measure("last val_accuracy", summaries.map(\.lastValAccuracy), Format.percent),
      Measure("last val_loss", summaries.map(\.lastValLoss), Format.loss),
      Measure("epochs", summaries.map { Double($0.epochs) }, Format.short),
      Measure("duration", summaries.map(\.durationSeconds), Format.duration),
    ] + own
  }

  static let chosenOnTitle = "epoch chosen on"

  /// What the runs' epochs were chosen on, each once; nil for nothing.
  var chosenOn: [String?] {
    get throws {
      let all = Set(try runs.map { try $0.chosenOn?.rawValue })
      return all.sorted { ($0 ?? "~") < ($1 ?? "~") }
    }
  }

  static let recordColumns = [
    "group", "metric", "n", "mean", "deviation", "minimum", "maximum", "values",
  ]

  /// A record a metric, and one of the images that chose, whose values are texts.
  var records: [Record] {
    get throws {
      let numbers: [Record] = measures.map { measure in
        [
          ("group", .string(name)), ("metric", .string(measure.name)),
          ("n", .integer(Int64(measure.sample?.count ?? 0))),
          ("mean", .optional(measure.sample?.mean)),
          ("deviation", .optional(measure.sample?.deviation)),
          ("minimum", .optional(measure.sample?.minimum)),
          ("maximum", .optional(measure.sample?.maximum)), ("values", .null),
        ]
      }
      let chosen: Record = [
        ("group", .string(name)), ("metric", .string(Group.chosenOnTitle)),
        ("n", .integer(Int64(runs.count))), ("mean", .null), ("deviation", .null),
        ("minimum", .null), ("maximum", .null),
        ("values", .array(try chosenOn.map { .optional($0) })),
      ]
      return numbers + [chosen]
    }
  }

  /// What all runs were told; "varies" where they were told different things.
  func hyperparameters() throws -> [(name: String, value: String)] {
    let lines = try runs.map { run in
      HyperparameterLines.lines(of: try JSONValue(stored: run.hyperparameters))
    }
    return lines.flatMap { $0.map(\.name) }.uniqued().map { name in
      let values = Set(lines.map { line in line.first { $0.name == name }?.value ?? "–" })
      return (name, values.count == 1 ? values.first ?? "–" : "varies")
    }
  }
}

/// One number of each run, as far as there is one.
private struct Measure {
  let name: String
  let sample: Sample?
  private let format: (Double) -> String

  init(_ name: String, _ values: [Double?], _ format: @escaping (Double) -> String) {
    self.name = name
    self.format = format
    sample = Sample(values.compactMap { $0 }.filter(\.isFinite))
  }

  /// `86.12 % ± 0.21 %, 85.90 % – 86.40 %`
  var text: String {
    guard let sample else { return "–" }
    guard let deviation = sample.deviation else { return format(sample.mean) }
    return "\(format(sample.mean)) ± \(format(deviation)), \(format(sample.minimum)) – "
      + format(sample.maximum)
  }
}

/// Numbers of the same kind.
private struct Sample {
  let count: Int
  let mean: Double
  /// The standard deviation that n − 1 divides; nil for one number.
  let deviation: Double?
  let minimum: Double
  let maximum: Double

  /// nil for no numbers.
  init?(_ values: [Double]) {
    guard let minimum = values.min(), let maximum = values.max() else { return nil }
    count = values.count
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : nil
    self.minimum = minimum
    self.maximum = maximum
  }
}

extension Array where Element: Hashable {
  /// Each element once, where it is first.
  func uniqued() -> [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
