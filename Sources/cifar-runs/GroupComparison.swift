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
          let (all, completed) = (group.runs.count, group.completed.count)
          return .init(completed == all ? "\(all)" : "\(all), \(completed) completed")
        })
    let choices = try groups.map { try $0.choices }
    for title in choices.flatMap({ $0.map(\.title) }).uniqued() {
      let texts = choices.map { choices in
        choices.first { $0.title == title }?.images.map { $0 ?? "–" }.joined(separator: ", ") ?? ""
      }
      table.add([.init(title, .dim)] + texts.map { .init($0.isEmpty ? "–" : $0) })
    }
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

/// Runs of one group, and what those that are completed came to together: a run that failed, or has not
/// ended, says nothing of what the others do.
private struct Group {
  let name: String
  let runs: [RunDetail]

  var completed: [RunDetail] { runs.filter { $0.summary.status == .completed } }

  /// Those that some run has a number for.
  var measures: [Measure] {
    let completed = completed
    let summaries = completed.map(\.summary)
    func measure(
      _ name: String, _ values: [Double?], _ format: @escaping (Double) -> String
    ) -> Measure? {
      Sample(values.compactMap { $0 }.filter(\.isFinite)).map {
        Measure(name: name, sample: $0, runs: runs.count, format: format)
      }
    }
    let own = completed.flatMap { $0.metrics.map(\.name) }.uniqued().map { name in
      measure(
        name, completed.map { run in run.metrics.last { $0.name == name }?.value },
        Format.own(name))
    }
    return
      ([
        measure("best val_accuracy", summaries.map(\.bestValAccuracy), Format.percent),
        measure("best val_loss", summaries.map(\.bestValLoss), Format.loss),
        measure("last val_accuracy", summaries.map(\.lastValAccuracy), Format.percent),
        measure("last val_loss", summaries.map(\.lastValLoss), Format.loss),
        measure("epochs trained", summaries.map { Double($0.epochs) }, Format.short),
        measure("duration", summaries.map(\.durationSeconds), Format.duration),
      ] + own).compactMap { $0 }
  }

  /// What weights of the runs were chosen on, each images once; nil for nothing. The final weights are
  /// among them where some were measured.
  var choices: [(title: String, images: [String?])] {
    get throws {
      let all = try completed.map { try $0.choices }
      func images(_ chosen: [ValidationImages?]) -> [String?] {
        Set(chosen.map { $0?.rawValue }).sorted { ($0 ?? "~") < ($1 ?? "~") }
      }
      let best = (RunChoices.bestTitle, images(all.map(\.best)))
      guard completed.contains(where: { $0.measuredEnd != nil }) else { return [best] }
      return [best, (RunChoices.finalTitle, images(all.map(\.final)))]
    }
  }

  static let recordColumns = [
    "group", "metric", "n", "runs", "mean", "deviation", "minimum", "maximum", "values",
  ]

  /// A record a metric, and those of the images that chose, whose values are texts.
  var records: [Record] {
    get throws {
      func record(
        _ metric: String, _ count: Int, _ sample: Sample?, _ values: JSONValue
      ) -> Record {
        [
          ("group", .string(name)), ("metric", .string(metric)), ("n", .integer(Int64(count))),
          ("runs", .integer(Int64(runs.count))), ("mean", .optional(sample?.mean)),
          ("deviation", .optional(sample?.deviation)), ("minimum", .optional(sample?.minimum)),
          ("maximum", .optional(sample?.maximum)), ("values", values),
        ]
      }
      return measures.map { record($0.name, $0.sample.count, $0.sample, .null) }
        + (try choices.map { choice in
          record(
            choice.title, completed.count, nil, .array(choice.images.map { .optional($0) }))
        })
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

/// One number of each run that has one.
private struct Measure {
  let name: String
  let sample: Sample
  /// Of the group, those without a number too.
  let runs: Int
  let format: (Double) -> String

  /// `86.12 % ± 0.21 %, 85.90 % – 86.40 % (4 of 5)`
  var text: String {
    let count = sample.count < runs ? " (\(sample.count) of \(runs))" : ""
    guard let deviation = sample.deviation else { return format(sample.mean) + count }
    return "\(format(sample.mean)) ± \(format(deviation)), \(format(sample.minimum)) – "
      + format(sample.maximum) + count
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
