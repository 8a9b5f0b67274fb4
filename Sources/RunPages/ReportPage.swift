import CifarCore
import CommandSupport

/// The page that `cifar-runs report` writes: everything about some runs in one file that loads nothing.
///
/// It is `head(title:)`, the runs as a JSON array without `<`, and `foot`.
public enum ReportPage {
  /// What a report begins with and holds, to tell it from files that are something else.
  public static let start = "<!doctype html>"
  public static let mark = "<meta name=\"generator\" content=\"libcifar\">"

  public static func head(title: String) -> String {
    """
    \(start)
    <html lang="en">
    <head>
    <meta charset="utf-8">
    \(mark)
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
    style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
    <title>\(XML.escaped(title.visible()))</title>
    <style>
    \(PageStyle.text)
    </style>
    </head>
    <body>
    <h1>\(XML.escaped(title.visible()))</h1>
    <div id="page"><noscript>The curves of this page need JavaScript.</noscript></div>
    <script id="data" type="application/json">
    """
  }

  public static var foot: String {
    """
    </script>
    <script>
    \(PageScript.text)

    const page = document.getElementById("page");
    page.replaceChildren();
    runsPage(page, JSON.parse(document.getElementById("data").textContent));
    </script>
    </body>
    </html>

    """
  }
}

/// The scripts that a report and the pages of `cifar-runs ui` have in common.
enum PageScript {
  static let text = """
    "use strict";
    const hidden = /[\(hidden)]/g;
    const charts = \(charts.text(indented: false));
    \(PageBasics.text)

    \(PageChart.text)

    \(PageCharts.text)

    \(PageSections.text)
    """

  /// The characters that the commands spell out, as a regular expression lists them.
  private static var hidden: String {
    var ranges: [ClosedRange<UInt32>] = []
    for value in UInt32(0)...0xffff {
      guard let scalar = Unicode.Scalar(value), String.needsEscape(scalar) else { continue }
      if let last = ranges.last, last.upperBound + 1 == value {
        ranges[ranges.count - 1] = last.lowerBound...value
      } else {
        ranges.append(value...value)
      }
    }
    func code(_ value: UInt32) -> String {
      let digits = String(value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    return ranges.map { code($0.lowerBound) + "-" + code($0.upperBound) }.joined()
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
        return .object([
          "title": .string(title), "format": .string(format(of: metrics[0])),
          "metrics": .array(metrics.reversed().map { .string($0.name) }),
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
}
