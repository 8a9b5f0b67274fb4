/// Columns as wide as their widest cell, under their titles.
struct TextTable {
  enum Alignment {
    case left
    case right
  }

  private let alignment: [Alignment]
  private var rows: [[String]]

  init(_ titles: [String], alignment: [Alignment]) {
    self.alignment = alignment
    rows = [titles]
  }

  mutating func add(_ cells: [String]) { rows.append(cells) }

  /// Titles, a line of =, the rows, a line of -; each ended by a newline.
  var text: String {
    let widths = alignment.indices.map { column in
      rows.reduce(0) { max($0, $1[column].count) }
    }
    let width = widths.reduce(0, +) + 2 * (widths.count - 1)
    func line(_ cells: [String]) -> String {
      let padded = cells.indices.map { column in
        let spaces = String(repeating: " ", count: widths[column] - cells[column].count)
        return alignment[column] == .left ? cells[column] + spaces : spaces + cells[column]
      }
      var text = padded.joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      return text + "\n"
    }
    return line(rows[0]) + String(repeating: "=", count: width) + "\n"
      + rows.dropFirst().map(line).joined() + String(repeating: "-", count: width) + "\n"
  }
}

/// A number of bytes as a person reads it.
enum ByteCount {
  /// `5.12 MiB`
  static func text(_ count: Int) -> String {
    var unit = 1.0
    var names = ["B", "KiB", "MiB", "GiB", "TiB"][...]
    let bytes = Double(count)
    while bytes >= 1024 * unit, names.count > 1 {
      unit *= 1024
      names.removeFirst()
    }
    let name = names[names.startIndex]
    if unit == 1 { return "\(count) \(name)" }
    let hundredths = Int((100 * bytes / unit).rounded())
    let decimals = hundredths % 100
    return "\(hundredths / 100).\(decimals < 10 ? "0" : "")\(decimals) \(name)"
  }
}
