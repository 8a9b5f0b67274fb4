import CifarCore

/// Curves as an SVG picture that needs nothing else.
public struct SVGPlot {
  var title: String
  var series: [PlotSeries]
  var scale: PlotScale

  static let width = 720.0
  static let height = 400.0
  /// Distinguishable for most kinds of colour blindness (Okabe and Ito).
  static let colors = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#8c6d00",
  ]

  private let left = 70.0
  private let right = 20.0
  private let top = 40.0
  private let bottom = 46.0

  public init(title: String, series: [PlotSeries], scale: PlotScale = .epochs) {
    self.title = title
    self.series = series
    self.scale = scale
  }

  /// The plot without the document around it, `offset` points down.
  func group(offset: Double = 0) -> String {
    let xs = Axis(series.flatMap { $0.points.map(\.x) }, count: 8, whole: true)
    let ys = Axis(series.flatMap { $0.points.map(\.y) }, count: 6)
    let (across, down) = (SVGPlot.width - left - right, SVGPlot.height - top - bottom)
    func x(_ value: Double) -> String { Format.fixed(left + xs.position(value) * across, 1) }
    func y(_ value: Double) -> String { Format.fixed(top + (1 - ys.position(value)) * down, 1) }
    var text = "<g transform=\"translate(0 \(Format.fixed(offset, 0)))\">\n"
    text += "<text x=\"\(left)\" y=\"22\" class=\"title\">\(XML.escaped(title))</text>\n"
    for tick in ys.ticks {
      text +=
        "<line x1=\"\(left)\" x2=\"\(SVGPlot.width - right)\" y1=\"\(y(tick))\" "
        + "y2=\"\(y(tick))\" class=\"grid\"/>\n"
      text += "<text x=\"\(left - 8)\" y=\"\(y(tick))\" class=\"y\">\(Axis.label(tick))</text>\n"
    }
    let floor = SVGPlot.height - bottom
    text +=
      "<line x1=\"\(left)\" x2=\"\(SVGPlot.width - right)\" y1=\"\(floor)\" y2=\"\(floor)\" "
      + "class=\"axis\"/>\n"
    for tick in xs.ticks {
      text += "<text x=\"\(x(tick))\" y=\"\(floor + 18)\" class=\"x\">\(scale.label(tick))</text>\n"
    }
    text +=
      "<text x=\"\(left + across / 2)\" y=\"\(floor + 36)\" class=\"x\">"
      + "\(XML.escaped(scale.title))</text>\n"
    for (number, series) in series.enumerated() {
      let color = SVGPlot.colors[number % SVGPlot.colors.count]
      for segment in series.points.split(whereSeparator: { !$0.y.isFinite }) {
        let points = segment.map { "\(x($0.x)),\(y($0.y))" }.joined(separator: " ")
        text +=
          segment.count == 1
          ? "<circle cx=\"\(x(segment.first?.x ?? 0))\" cy=\"\(y(segment.first?.y ?? 0))\" r=\"3\" "
            + "fill=\"\(color)\"/>\n"
          : "<polyline points=\"\(points)\" stroke=\"\(color)\" class=\"curve\"/>\n"
      }
      let place = legendTop(ys) + Double(number) * 18
      let edge = SVGPlot.width - right
      text +=
        "<line x1=\"\(edge - 24)\" x2=\"\(edge - 4)\" y1=\"\(place)\" y2=\"\(place)\" "
        + "stroke=\"\(color)\" class=\"curve\"/>\n"
      text +=
        "<text x=\"\(edge - 30)\" y=\"\(place)\" class=\"y label\">\(XML.escaped(series.label))"
        + "</text>\n"
    }
    return text + "</g>\n"
  }

  /// Where the legend begins: on the right, above curves that end low and below those that end high.
  private func legendTop(_ ys: Axis) -> Double {
    let ends = series.compactMap { $0.points.last { $0.y.isFinite }?.y }.map(ys.position)
    let endsHigh = ends.reduce(0, +) > 0.5 * Double(ends.count)
    return endsHigh ? SVGPlot.height - bottom - 4 - 18 * Double(series.count) : top + 6
  }

  /// Plots below each other, as a whole document.
  public static func document(_ plots: [SVGPlot]) -> String {
    let height = Format.fixed(SVGPlot.height * Double(plots.count), 0)
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 \(height)" width="720" \
      height="\(height)">
      <!-- libcifar -->
      <style>
      text { font: 12px sans-serif; fill: #333 } .title { font-weight: bold; font-size: 14px }
      .y { text-anchor: end; dominant-baseline: middle } .x { text-anchor: middle }
      .grid { stroke: #ddd } .axis { stroke: #333 } .curve { fill: none; stroke-width: 1.8 }
      .label { paint-order: stroke; stroke: white; stroke-width: 4px }
      </style>
      <rect width="100%" height="100%" fill="white"/>

      """
    for (number, plot) in plots.enumerated() {
      text += plot.group(offset: Double(number) * SVGPlot.height)
    }
    return text + "</svg>\n"
  }
}
