import CifarCore
import CifarRegistry
import CommandSupport
import RunPages

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
      try output.write(ReportPage.head(title: title))
      for (index, summary) in summaries.enumerated() {
        let run = try registry.run(matching: summary.id)
        // In a script element "</script" and "<!--" would mean something to the HTML parser.
        let text = try run.page(from: registry).text(indented: false)
          .replacingScalars { $0 == "<" ? "\\u003c" : nil }
        try output.write((index == 0 ? "[" : ",") + text)
      }
      try output.write("]" + ReportPage.foot)
    }
  }

  private static let kind = FileKind(
    "a report of cifar-runs", startsWith: ReportPage.start, contains: ReportPage.mark)
}
