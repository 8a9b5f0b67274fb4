import CifarCore

/// Nested JSON as lines that people read: `optimizer.learning_rate  0.001`.
public enum HyperparameterLines {
  /// One line a value, keys sorted; lists of plain values stay on their line, and so does each
  /// member of any other list.
  public static func lines(of value: JSONValue, name: String = "") -> [(
    name: String, value: String
  )] {
    switch value {
    case .object(let members) where !members.isEmpty:
      return members.sorted { $0.key < $1.key }.flatMap { member in
        lines(of: member.value, name: name.isEmpty ? member.key : "\(name).\(member.key)")
      }
    case .array(let values) where values.contains(where: \.isNested):
      return values.enumerated().map { ("\(name)[\($0.offset)]", $0.element.inline) }
    default: return [(name, value.inline)]
    }
  }
}

extension JSONValue {
  fileprivate var isNested: Bool {
    switch self {
    case .array, .object: true
    default: false
    }
  }

  /// On one line, an object by its type: `dropout(rate: 0.25)`.
  fileprivate var inline: String {
    switch self {
    case .null: return "none"
    case .bool(let value): return "\(value)"
    case .integer(let value): return "\(value)"
    case .unsigned(let value): return "\(value)"
    case .number(let value): return JSONValue.shortest(value)
    case .string(let value): return value
    case .array(let values): return "[" + values.map(\.inline).joined(separator: ", ") + "]"
    case .object(var members):
      let type = members.removeValue(forKey: "type")
      let rest = members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.inline)" }
        .joined(separator: ", ")
      guard let type else { return "{\(rest)}" }
      return type.inline + (rest.isEmpty ? "" : "(\(rest))")
    }
  }

  /// As many digits as the number has; a single-precision number that was widened
  /// (0.49140000343322754) with the few it had.
  private static func shortest(_ value: Double) -> String {
    Double(Float(value)) == value ? "\(Float(value))" : "\(value)"
  }
}
