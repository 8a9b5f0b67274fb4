/// Curves drawn with braille dots, two by four a character.
public struct TerminalPlot {
  var title: String
  var series: [PlotSeries]
  var width: Int
  var height: Int
  var scale: PlotScale

  public init(
    title: String, series: [PlotSeries], width: Int, height: Int, scale: PlotScale = .epochs
  ) {
    self.title = title
    self.series = series
    self.width = width
    self.height = height
    self.scale = scale
  }

  private static let styles: [Style] = [.cyan, .yellow, .green, .red, .bold, .dim]

  public func text(for terminal: Terminal) -> TerminalText {
    let xs = Axis(series.flatMap { $0.points.map(\.x) }, count: 6, whole: true)
    let ys = Axis(series.flatMap { $0.points.map(\.y) }, count: 5)
    let labels = ys.ticks.map(Axis.label)
    let margin = (labels.map(\.count).max() ?? 0) + 2
    let columns = max(10, width - margin)
    var dots = [[UInt8]](repeating: [UInt8](repeating: 0, count: columns), count: height)
    var owners = [[Int]](repeating: [Int](repeating: 0, count: columns), count: height)
    for (number, series) in series.enumerated() {
      draw(series, xs, ys, columns) { x, y in
        dots[y / 4][x / 2] |= TerminalPlot.bits[y % 4][x % 2]
        owners[y / 4][x / 2] = number
      }
    }
    var rows = [String: String]()
    for (tick, label) in zip(ys.ticks, labels) {
      let row = height - 1 - Int(ys.position(tick) * Double(height * 4 - 1)) / 4
      rows["\(row)"] = label
    }
    var text = terminal.styled(title, .bold) + "\n"
    for row in 0..<height {
      let label = rows["\(row)"] ?? ""
      let edge = label.isEmpty ? " │" : " ┤"
      text += TerminalText(TextWidth.pad(label, to: margin - 2, right: true) + edge)
      // Spaces wait for the next dot: no line ends in spaces.
      var pending = 0
      for column in 0..<columns {
        guard let dots = TerminalPlot.character(dots[row][column]) else {
          pending += 1
          continue
        }
        text += TerminalText(String(repeating: " ", count: pending))
        text += terminal.styled(dots, style(owners[row][column]))
        pending = 0
      }
      text += "\n"
    }
    let floor = String(repeating: "─", count: columns)
    text += TerminalText(String(repeating: " ", count: margin - 1) + "└" + floor) + "\n"
    text += TerminalText(floorLine(xs, margin, columns)) + "\n"
    return text + legend(terminal) + "\n"
  }

  private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

  /// The braille character with these dots; nil for none.
  private static func character(_ bits: UInt8) -> String? {
    bits == 0 ? nil : UnicodeScalar(0x2800 + UInt32(bits)).map { String($0) }
  }

  private func style(_ number: Int) -> Style {
    TerminalPlot.styles[number % TerminalPlot.styles.count]
  }

  /// Calls `set` for every dot of the line that joins a series' points.
  private func draw(
    _ series: PlotSeries, _ xs: Axis, _ ys: Axis, _ columns: Int, _ set: (Int, Int) -> Void
  ) {
    let (right, bottom) = (Double(columns * 2 - 1), Double(height * 4 - 1))
    var last: (x: Int, y: Int)?
    for point in series.points {
      guard point.y.isFinite else {
        last = nil
        continue
      }
      let x = Int((xs.position(point.x) * right).rounded())
      let y = Int(((1 - ys.position(point.y)) * bottom).rounded())
      let from = last ?? (x, y)
      let steps = max(1, abs(x - from.x), abs(y - from.y))
      for step in 0...steps {
        set(from.x + (x - from.x) * step / steps, from.y + (y - from.y) * step / steps)
      }
      last = (x, y)
    }
  }

  private func floorLine(_ xs: Axis, _ margin: Int, _ columns: Int) -> String {
    var line = Array(repeating: Character(" "), count: margin + columns)
    for tick in xs.ticks {
      let label = Array(scale.label(tick))
      let place = margin + Int(xs.position(tick) * Double(columns - 1)) - label.count / 2
      let start = min(max(0, place), line.count - label.count)
      guard start >= 0, line[max(0, start - 1)..<start + label.count].allSatisfy({ $0 == " " })
      else { continue }
      line.replaceSubrange(start..<start + label.count, with: label)
    }
    while line.last == " " { line.removeLast() }
    return String(line)
  }

  private func legend(_ terminal: Terminal) -> TerminalText {
    "    "
      + series.enumerated().map { number, series in
        terminal.styled("⠶", style(number)) + " " + TerminalText(series.label)
      }.joined(separator: "   ")
  }
}
