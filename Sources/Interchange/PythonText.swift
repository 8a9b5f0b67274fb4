/// Values as Python's source has them; strings and lists are JSON, too.
enum PythonText {
  static func string(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  static func list(_ texts: [String]) -> String {
    "[" + texts.map(string).joined(separator: ", ") + "]"
  }

  static func list(_ numbers: [Float]) -> String {
    "[" + numbers.map { "\($0)" }.joined(separator: ", ") + "]"
  }

  /// A list in lines of at most 100 columns.
  static func wrapped(_ start: String, _ items: [String]) -> [String] {
    let whole = "\(start)[\(items.joined(separator: ", "))]"
    if whole.count <= 100 { return [whole] }
    var lines = ["\(start)["]
    var line = "   "
    for item in items {
      if line.count + item.count + 2 > 100 {
        lines.append(line)
        line = "   "
      }
      line += " \(item),"
    }
    return lines + [line, "]"]
  }
}
