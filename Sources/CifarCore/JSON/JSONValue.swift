import FoundationEssentials

/// Any JSON: text whose shape is someone else's business, or whose parts are to be changed before it
/// is read as what it is.
public enum JSONValue: Codable, Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// What does not fit an `Int64`, such as a large seed.
  case unsigned(UInt64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  public static func numbers(_ values: [Int]) -> JSONValue {
    .array(values.map { .integer(Int64($0)) })
  }

  /// - Throws: `invalidArgument` with a message that begins with a verb: `is not JSON: …`.
  public init(text: String) throws {
    if let fault = JSONStructure.fault(in: text.utf8) { throw CifarError(.invalidArgument, fault) }
    do {
      self = try LargeStack.run { try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) }
    } catch DecodingError.typeMismatch(_, let context) {
      // Anything but a number is some kind of a tree.
      let place = context.codingPath.name
      throw CifarError(
        .invalidArgument,
        "has a number\(place.isEmpty ? "" : ", \(place.excerpt),") that is out of range: 0 or an "
          + "amount from \(Double.leastNonzeroMagnitude) to \(Double.greatestFiniteMagnitude)")
    } catch is DecodingError {
      throw CifarError(.invalidArgument, "is not JSON: \(text.excerpt)")
    }
  }

  /// - Throws: `badData` for a stored text that is not JSON.
  public init(stored text: String) throws {
    do {
      try self.init(text: text)
    } catch let error as CifarError where error.code == .invalidArgument {
      throw CifarError(.badData, "a stored text \(error.message)")
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Double.self) {
      self = JSONValue.number(value, in: container)
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else {
      do {
        self = .array(try container.decode([JSONValue].self))
      } catch DecodingError.typeMismatch(_, let context)
        where context.codingPath.count == decoder.codingPath.count
      {
        self = .object(try container.decode([String: JSONValue].self))
      }
    }
  }

  /// A whole number to the last digit; −0 is none.
  private static func number(
    _ value: Double, in container: any SingleValueDecodingContainer
  ) -> JSONValue {
    guard value == value.rounded(), value != 0 || value.sign == .plus else { return .number(value) }
    if let value = try? container.decode(Int64.self) { return .integer(value) }
    if let value = try? container.decode(UInt64.self) { return .unsigned(value) }
    return .number(value)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .unsigned(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  /// On one line, keys sorted.
  ///
  /// - Throws: for a number that is not finite, which JSON has not.
  public var text: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return try LargeStack.run { String(decoding: try encoder.encode(self), as: UTF8.self) }
    }
  }

  /// The entry of an object; setting one makes an object of anything else.
  public subscript(_ key: String) -> JSONValue? {
    get {
      guard case .object(let entries) = self else { return nil }
      return entries[key]
    }
    set {
      var entries: [String: JSONValue] = [:]
      if case .object(let old) = self { entries = old }
      entries[key] = newValue
      self = .object(entries)
    }
  }

  public var array: [JSONValue]? {
    guard case .array(let items) = self else { return nil }
    return items
  }

  public var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  /// This with the entries of `other` put over it, object by object; anything else is replaced.
  public func merged(with other: JSONValue) -> JSONValue {
    guard case .object(var entries) = self, case .object(let others) = other else { return other }
    for (key, value) in others { entries[key] = entries[key]?.merged(with: value) ?? value }
    return .object(entries)
  }
}

extension [any CodingKey] {
  /// `callbacks.2.patience`
  public var name: String {
    map { $0.intValue.map { "\($0)" } ?? $0.stringValue }.joined(separator: ".")
  }
}
