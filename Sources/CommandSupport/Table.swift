import CifarCore

/// A table of text that fits the terminal it is for.
///
/// Where the terminal is too narrow, columns marked as flexible are cut short first; then whole
/// columns are left out, those of the highest `rank` first.
public struct Table {
  public struct Column: Sendable {
    public var title: String
    public var alignsRight: Bool
    /// The column stays as long as others with a higher rank are left; rank 0 always stays.
    public var rank: Int
    /// The narrowest the column may be cut to; nil for a column that is never cut.
    public var narrowest: Int?

    public init(_ title: String, right: Bool = false, rank: Int = 0, narrowest: Int? = nil) {
      self.title = title
      alignsRight = right
      self.rank = rank
      self.narrowest = narrowest
    }
  }

  public struct Cell: Sendable, ExpressibleByStringLiteral {
    public var text: String
    public var style: Style

    public init(_ text: String, _ style: Style = .plain) {
      self.text = text.visible()
      self.style = style
    }

    public init(stringLiteral text: String) { self.init(text) }
  }

  public var columns: [Column]
  public private(set) var rows: [[Cell]] = []

  private let showsTitles: Bool

  public init(_ columns: [Column]) {
    self.columns = columns
    showsTitles = true
  }

  /// A table of names and values, say, that needs no title line.
  public init(withoutTitles columns: [Column]) {
    self.columns = columns
    showsTitles = false
  }

  /// Adds a row; missing cells are empty.
  public mutating func add(_ cells: [Cell]) {
    let missing = max(0, columns.count - cells.count)
    rows.append(Array(cells.prefix(columns.count)) + Array(repeating: "", count: missing))
  }

  private static let gap = 2

  /// The table's lines, each ending in a newline; the title line (if the table has one) first.
  public func text(for terminal: Terminal, indent: Int = 0) -> TerminalText {
    let (shown, widths) = layout(width: terminal.width.map { $0 - indent })
    let margin = TerminalText(String(repeating: " ", count: indent))
    var result = TerminalText()
    if showsTitles {
      result += margin + line(shown, widths, terminal) { Cell(columns[$0].title, .dim) }
    }
    for row in rows { result += margin + line(shown, widths, terminal) { row[$0] } }
    return result
  }

  private func line(
    _ shown: [Int], _ widths: [Int], _ terminal: Terminal, cell: (Int) -> Cell
  ) -> TerminalText {
    var text = TerminalText()
    var pending = 0
    for (position, column) in shown.enumerated() {
      let content = cell(column)
      let cut = TextWidth.truncate(content.text, to: widths[position])
      let spaces = widths[position] - TextWidth.columns(cut)
      let isRight = columns[column].alignsRight
      // Spaces wait for the next text: no line ends in spaces.
      if isRight { pending += spaces }
      if !cut.isEmpty {
        text += TerminalText(String(repeating: " ", count: pending))
        text += terminal.styled(cut, content.style)
        pending = 0
      }
      if !isRight { pending += spaces }
      pending += Table.gap
    }
    return text + "\n"
  }

  /// Which columns are shown, and how wide each is.
  private func layout(width: Int?) -> (shown: [Int], widths: [Int]) {
    var shown = Array(columns.indices)
    let natural = columns.indices.map { column in
      rows.reduce(TextWidth.columns(columns[column].title)) {
        max($0, TextWidth.columns($1[column].text))
      }
    }
    guard let width else { return (shown, natural) }
    let least = columns.indices.map { min(natural[$0], columns[$0].narrowest ?? natural[$0]) }
    func needed(_ sizes: [Int]) -> Int {
      shown.reduce(Table.gap * (shown.count - 1)) { $0 + sizes[$1] }
    }
    while needed(least) > width,
      let dropped = shown.filter({ columns[$0].rank > 0 }).max(by: {
        columns[$0].rank < columns[$1].rank
      })
    {
      shown.removeAll { $0 == dropped }
    }
    var sizes = natural
    var excess = needed(sizes) - width
    // The widest gives first, so that of several none loses all.
    while excess > 0,
      let widest = shown.filter({ sizes[$0] > least[$0] }).max(by: { sizes[$0] < sizes[$1] })
    {
      sizes[widest] -= 1
      excess -= 1
    }
    return (shown, shown.map { sizes[$0] })
  }
}
