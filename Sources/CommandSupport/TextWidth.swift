/// How much room text takes on a terminal.
public enum TextWidth {
  /// The columns that `text` takes: 0 for combining marks, 2 for wide characters.
  public static func columns(_ text: String) -> Int {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text.utf8.count }
    return text.reduce(0) { $0 + columns($1) }
  }

  static func columns(_ character: Character) -> Int {
    // U+FE0F asks for the coloured picture of a sign that is text by itself: ❤️, ☀️, 1️⃣.
    let scalars = character.unicodeScalars
    if scalars.contains("\u{fe0f}"), scalars.first?.properties.isEmoji == true { return 2 }
    // A character is as wide as its widest scalar: a flag or a joined emoji is one wide sign.
    return scalars.map(columns).max() ?? 0
  }

  private static func columns(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    if scalar.properties.isEmojiPresentation { return 2 }
    // The blocks of East Asian Width W and F (Unicode Standard Annex 11).
    switch scalar.value {
    case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3,
      0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f,
      0x1f900...0x1f9ff, 0x20000...0x3fffd:
      return 2
    default: return 1
    }
  }

  /// `text` with spaces after it (or before it, to align right) up to `width` columns.
  public static func pad(_ text: String, to width: Int, right: Bool = false) -> String {
    let spaces = String(repeating: " ", count: max(0, width - columns(text)))
    return right ? spaces + text : text + spaces
  }

  /// `text` cut to at most `width` columns, with `…` where something is missing.
  public static func truncate(_ text: String, to width: Int) -> String {
    guard columns(text) > width else { return text }
    guard width > 0 else { return "" }
    var kept = ""
    var used = 0
    for character in text {
      let next = columns(character)
      if used + next > width - 1 { break }
      kept.append(character)
      used += next
    }
    return kept + "…"
  }
}
