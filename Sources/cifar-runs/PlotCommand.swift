import CifarCore
import CifarRegistry
import CommandSupport

/// `cifar-runs plot`: learning curves.
enum PlotCommand {
  static var command: Command {
    Command(
      "plot", summary: "draws learning curves in the terminal, as SVG or as PNG",
      positionals: [.runs],
      options: [
        .metric,
        Option(
          "--output", short: "-o", value: "FILE",
          help: "write a picture instead: .svg or .png; - writes SVG to standard output"),
        .force,
        Option("--height", value: "N", help: "lines of each plot (else 14)"), .registry,
      ],
      discussion: """
        Without --metric: loss and accuracy, of training and validation for one run. PNG files are \
        made by the system's rsvg-convert (Debian's package librsvg2-bin).
        """,
      examples: [
        "cifar-runs plot 3f2a", "cifar-runs plot 3f2a 77c0 --metric val_loss",
        "cifar-runs plot 3f2a -o curves.svg", "cifar-runs plot 3f2a -o curves.png",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let height = try arguments.integer("--height", in: 4...200) ?? 14
    let registry = try arguments.openRegistry()
    let runs = try arguments.positionals.map { try registry.run(matching: $0) }
    for name in arguments.all("--metric") {
      guard runs.contains(where: { EpochSeries.names(of: $0).contains(name) }) else {
        let known = Set(runs.flatMap(EpochSeries.names)).sorted().joined(separator: ", ")
        throw UsageError("there is no metric '\(name)', there are \(known)")
      }
    }
    let plots = plots(of: runs, arguments.all("--metric"))
    if let file = arguments.value("--output") {
      let text = SVGPlot.document(plots.map { SVGPlot(title: $0.title, series: $0.series) })
      return try Picture.write(text, to: file, arguments)
    }
    let terminal = Terminal.standardOutput
    for plot in plots {
      let drawn = TerminalPlot(
        title: plot.title, series: plot.series, width: min(terminal.width ?? 80, 120),
        height: height)
      Output.write(drawn.text(for: terminal))
    }
  }

  /// One plot a metric and a curve a run; for one run training and validation share a plot.
  static func plots(
    of runs: [RunDetail], _ metrics: [String]
  ) -> [(title: String, series: [PlotSeries])] {
    if metrics.isEmpty, runs.count == 1 {
      let title = runs[0].summary.label
      return ["loss", "accuracy"].map { chart in
        (
          "\(chart) of \(title)",
          EpochMetric.allCases.filter { $0.chart == chart }.map { metric in
            PlotSeries(label: metric.name, points: EpochSeries.values(metric.name, of: runs[0]))
          }
        )
      }
    }
    return (metrics.isEmpty ? ["val_loss", "val_accuracy"] : metrics).map { name in
      let isBytes = EpochMetric(rawValue: name)?.format == .bytes
      let scale = isBytes ? 1 / 1_048_576 : 1.0
      return (
        isBytes ? "\(name) (MiB)" : name,
        runs.map { run in
          let points = EpochSeries.values(name, of: run).map { (x: $0.x, y: $0.y * scale) }
          return PlotSeries(label: run.summary.label, points: points)
        }
      )
    }
  }
}
