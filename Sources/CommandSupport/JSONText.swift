import CifarCore

extension JSONValue {
  /// The value as JSON text, members in the order of their names.
  ///
  /// Written straight from the value, because a list of ten thousand runs is to be there at once.
  /// JSON has no NaN and no infinity: they become the strings "NaN", "Infinity" and "-Infinity",
  /// which Python's `float` and JavaScript's `Number` read back. What could steer a terminal is
  /// written as `\uXXXX`.
  /// - Parameter indented: one member a line, else all on one line.
  public func text(indented: Bool) -> String {
    var text: [UInt8] = []
    write(to: &text, indent: indented ? 0 : nil)
    return String(decoding: text, as: UTF8.self)
  }

  /// Records with the same names in the same order, as an indented array of objects.
  static func text(of records: [Record]) -> String {
    let names = records.first?.map(\.name) ?? []
    // A name that is there twice counts once, as in an object: with its last value.
    let last = Dictionary(names.indices.map { (names[$0], $0) }) { $1 }
    let order = last.values.sorted { names[$0] < names[$1] }
    var text: [UInt8] = []
    write("[", records, "]", to: &text, 0) { record, text, indent in
      write("{", order, "}", to: &text, indent) { place, text, indent in
        write(record[place].name, to: &text)
        text += ": ".utf8
        record[place].value.write(to: &text, indent: indent)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private func write(to text: inout [UInt8], indent: Int?) {
    switch self {
    case .null: text += "null".utf8
    case .bool(let value): text += (value ? "true" : "false").utf8
    case .integer(let value): text += "\(value)".utf8
    case .unsigned(let value): text += "\(value)".utf8
    case .number(let value):
      if value.isFinite {
        text += "\(value)".utf8
      } else {
        text += (value.isNaN ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"").utf8
      }
    case .string(let value): JSONValue.write(value, to: &text)
    case .array(let values):
      JSONValue.write("[", values, "]", to: &text, indent) { value, text, indent in
        value.write(to: &text, indent: indent)
      }
    case .object(let members):
      let sorted = members.sorted { $0.key < $1.key }
      JSONValue.write("{", sorted, "}", to: &text, indent) { member, text, indent in
        JSONValue.write(member.key, to: &text)
        text += (indent == nil ? ":" : ": ").utf8
        member.value.write(to: &text, indent: indent)
      }
    }
  }

  private static func write<Element>(
    _ open: String, _ elements: [Element], _ close: String, to text: inout [UInt8],
    _ indent: Int?, _ write: (Element, inout [UInt8], Int?) -> Void
  ) {
    text += open.utf8
    let inner = indent.map { $0 + 2 }
    for (number, element) in elements.enumerated() {
      if number > 0 { text.append(UInt8(ascii: ",")) }
      newLine(&text, inner)
      write(element, &text, inner)
    }
    if !elements.isEmpty { newLine(&text, indent) }
    text += close.utf8
  }

  private static func newLine(_ text: inout [UInt8], _ indent: Int?) {
    guard let indent else { return }
    text.append(UInt8(ascii: "\n"))
    text += repeatElement(UInt8(ascii: " "), count: indent)
  }

  private static func write(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    var string = string
    let isPlain = string.withUTF8 { bytes in
      let isPlain = bytes.allSatisfy(JSONValue.isPlain)
      if isPlain { text += bytes }
      return isPlain
    }
    if !isPlain {
      for scalar in string.unicodeScalars { write(scalar, to: &text) }
    }
    text.append(UInt8(ascii: "\""))
  }

  /// A character of ASCII that stands for itself in a string.
  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x20..<0x7f).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private static func write(_ scalar: Unicode.Scalar, to text: inout [UInt8]) {
    switch scalar {
    case "\"": text += "\\\"".utf8
    case "\\": text += "\\\\".utf8
    case "\n": text += "\\n".utf8
    case "\t": text += "\\t".utf8
    case _ where String.needsEscape(scalar): escape(scalar.value, to: &text)
    default: text += scalar.utf8
    }
  }

  /// `\u` and four digits; all that steer a terminal are of the first plane.
  private static func escape(_ scalar: UInt32, to text: inout [UInt8]) {
    let digits = String(scalar, radix: 16)
    text += ("\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits).utf8
  }
}

extension JSONValue {
  public static func optional(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
  public static func optional(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
}
