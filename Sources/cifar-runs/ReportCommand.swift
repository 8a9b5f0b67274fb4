import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs report`: a page about runs, to look at offline and to pass on.
enum ReportCommand {
  static var command: Command {
    Command(
      "report", summary: "writes one self-contained HTML page about runs",
      positionals: [Positional("RUN", help: Positional.run.help, required: false, repeats: true)],
      options: [
        Option(
          "--output", short: "-o", value: "FILE.html",
          help: "the page, - for standard output (required)"),
        .force,
        Option("--title", value: "TEXT", help: "the page's title"),
        Option("-n", value: "N", help: "with --filter and the like: how many at most (else 10)"),
      ] + Option.selection + [.registry],
      discussion: """
        Curves that tell their values under the mouse, hyperparameters with what differs marked,
        sessions, notes; confusion matrix and misclassified images where the run has them. Of a
        group, the mean and a band of one standard deviation on either side. The page loads
        nothing from anywhere.
        """,
      examples: [
        "cifar-runs report 3f2a -o baseline.html",
        "cifar-runs report --tag sweep --since 1w -o sweep.html --title 'Learning rates'",
        "cifar-runs report --group baseline --group wide -o groups.html",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    guard let file = arguments.value("--output") else {
      throw UsageError("-o FILE.html is missing")
    }
    var query = try arguments.query()
    query.limit = try arguments.integer("-n", in: 1...1000) ?? 10
    let registry = try arguments.openRegistry()
    var names = arguments.positionals
    if names.isEmpty {
      guard query.filter != nil || !query.also.isEmpty || query.trash else {
        throw UsageError("RUN is missing: \(Positional.run.help); or select runs with --filter")
      }
      names = try registry.runs(query, damaged: Output.leftOut).map(\.id)
    }
    guard !names.isEmpty else { throw CifarError(.notFound, "no run in \(registry.path) fits") }
    // One run in memory at a time; all of them are looked for before anything is written.
    let summaries = try names.map { try registry.run(matching: $0).summary }
    let title =
      arguments.value("--title")
      ?? (summaries.count == 1 ? "Run \(summaries[0].label)" : "\(summaries.count) runs")
    try arguments.write(to: file, as: kind) { output in
      try output.write(head(title))
      for (index, summary) in summaries.enumerated() {
        let run = try registry.run(matching: summary.id)
        // In a script element "</script" and "<!--" would mean something to the HTML parser.
        let text = try data(run).text(indented: false)
          .replacingScalars { $0 == "<" ? "\\u003c" : nil }
        try output.write((index == 0 ? "[" : ",") + text)
      }
      try output.write("]" + foot)
    }
  }

  private static let kind = FileKind(
    "a report of cifar-runs", startsWith: "<!doctype html>",
    contains: "<meta name=\"generator\" content=\"libcifar\">")

  private static func head(_ title: String) -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="generator" content="libcifar">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
    style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
    <title>\(XML.escaped(title))</title>
    <style>
    \(ReportStyle.text)
    </style>
    </head>
    <body>
    <h1>\(XML.escaped(title))</h1>
    <div id="page"><noscript>The curves of this page need JavaScript.</noscript></div>
    <script id="data" type="application/json">
    """
  }

  private static var foot: String {
    """
    </script>
    <script>
    const charts = \(charts.text(indented: false));
    \(ReportBasics.text)

    \(ReportCharts.text)

    \(ReportScript.text)
    </script>
    </body>
    </html>

    """
  }

  /// The metrics that share a chart; those of training come last, and are dashed.
  private static var charts: JSONValue {
    var titles: [String] = []
    for metric in EpochMetric.allCases where !titles.contains(metric.chart) {
      titles.append(metric.chart)
    }
    return .array(
      titles.map { title in
        let metrics = EpochMetric.allCases.filter { $0.chart == title }
        return .members([
          ("title", .string(title)),
          ("format", .string(format(of: metrics[0]))),
          ("metrics", .array(metrics.reversed().map { .string($0.name) })),
        ])
      })
  }

  /// One of `units` in the script.
  private static func format(of metric: EpochMetric) -> String {
    switch metric.format {
    case .percent: "percent"
    case .bytes: "bytes"
    case .loss, .number, .duration, .whole: "number"
    }
  }

  private static func data(_ run: RunDetail) throws -> JSONValue {
    var record = try run.record
    record.removeAll { ["model", "hyperparameters"].contains($0.name) }
    let lines = HyperparameterLines.lines(of: try JSONValue(stored: run.hyperparameters))
    record.append(
      ("hyperparameters", .array(lines.map { .array([.string($0.name), .string($0.value)]) })))
    record.append(("label", .string(run.summary.label)))
    record.append(
      ("duration", .string(Format.duration(run.summary.durationSeconds))))
    record.append(("misclassified", images(run.evaluation?.misclassified ?? [])))
    record.append(("samples", images(run.evaluation?.samples ?? [])))
    return .members(record)
  }

  private static func images(_ predictions: [ClassEvaluation.Prediction]) -> JSONValue {
    .array(
      predictions.map { image in
        .members([
          ("image", .integer(Int64(image.image))), ("actual", .integer(Int64(image.actual))),
          ("predicted", .integer(Int64(image.predicted))),
          ("probability", .number(image.probability)),
          ("pixels", .string(Base64.text(image.pixels))),
        ])
      })
  }
}

enum Base64 {
  private static let digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func text(_ bytes: [UInt8]) -> String {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.enumerated().reduce(0) { $0 | Int($1.element) << (16 - 8 * $1.offset) }
      for place in 0..<4 {
        result.append(
          place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
