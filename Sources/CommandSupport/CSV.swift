import CifarCore

/// Comma-separated values as RFC 4180 has them, but with plain line ends.
///
/// Text that a spreadsheet would take for a formula gets a `'` before it, as OWASP ("CSV
/// Injection") advises; numbers, -0.5 too, stay as they are. Control characters are spelled out,
/// `\u{1B}`, but for tabs and line ends within a text.
public enum CSV {
  public static func line(_ fields: [String]) -> String {
    fields.map(field).joined(separator: ",") + "\n"
  }

  public static func line(_ values: [JSONValue]) -> String { line(values.map(text)) }

  /// A value as text; numbers that are none as Python's `float` reads them.
  private static func text(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .string(let text): text
    case .number(let number) where !number.isFinite:
      number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity"
    default: value.text(indented: false)
    }
  }

  private static func field(_ text: String) -> String {
    let visible = text.visible(keepsLines: true)
    let safe = isFormula(visible) ? "'" + visible : visible
    let isPlain = !safe.utf8.contains { byte in
      [UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: ";"), 9, 10].contains(byte)
    }
    return isPlain ? safe : "\"" + safe.replacingScalars { $0 == "\"" ? "\"\"" : nil } + "\""
  }

  /// Whether a cell with this text would be computed: it begins with one of = + - @, their
  /// full-width forms, a tab or a line end, and is no number.
  private static func isFormula(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first else { return false }
    return "=+-@\t\n\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".unicodeScalars.contains(first)
      && Double(text) == nil
  }
}
