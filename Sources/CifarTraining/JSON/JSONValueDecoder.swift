import CifarCore

/// Reads values from JSON that is parsed already, with errors that name the place, what is there,
/// and what may be there.
struct JSONValueDecoder: Decoder {
  let tree: JSONValue
  let codingPath: [any CodingKey]
  let keys: KeyLog
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(_ tree: JSONValue, at path: [any CodingKey] = [], noting keys: KeyLog) {
    self.tree = tree
    codingPath = path
    self.keys = keys
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .object(let entries) = tree else { throw mismatch(type, "an object") }
    return KeyedDecodingContainer(Keyed(decoder: self, entries: entries))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .array(let items) = tree else { throw mismatch([JSONValue].self, "a list") }
    return Unkeyed(decoder: self, items: items)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

  private func mismatch(_ type: Any.Type, _ wanted: String) -> DecodingError {
    .typeMismatch(
      type, .init(codingPath: codingPath, debugDescription: "\(tree.excerpt) is not \(wanted)"))
  }

  private func corrupt(_ problem: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: codingPath, debugDescription: problem))
  }

  // MARK: Values

  func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let value: Any? =
      switch type {
      case is Bool.Type: try flag()
      case is String.Type: try text()
      case is Double.Type: try number()
      case is Float.Type: try float()
      case is Int.Type: try whole(Int.self)
      case is UInt64.Type: try whole(UInt64.self)
      default: nil
      }
    if let value = value as? Value { return value }
    if let words = Choices.words(of: type) {
      let word = try text()
      guard words.contains(word) else {
        throw corrupt("'\(word.excerpt)' is none of \(words.joined(separator: ", "))")
      }
    }
    return try Value(from: self)
  }

  private func flag() throws -> Bool {
    guard case .bool(let value) = tree else { throw mismatch(Bool.self, "true or false") }
    return value
  }

  private func text() throws -> String {
    guard case .string(let value) = tree else { throw mismatch(String.self, "a text") }
    return value
  }

  private func number() throws -> Double {
    switch tree {
    case .integer(let value): return Double(value)
    case .unsigned(let value): return Double(value)
    case .number(let value): return value
    case .string("NaN"): return .nan
    case .string("Infinity"): return .infinity
    case .string("-Infinity"): return -.infinity
    default: throw mismatch(Double.self, "a number")
    }
  }

  private func float() throws -> Float {
    let number = try number()
    let value = Float(number)
    guard value.isFinite == number.isFinite, value != 0 || number == 0 else {
      throw corrupt(
        "is \(number), which float32 does not hold: 0 or an amount from "
          + "\(Float.leastNonzeroMagnitude) to \(Float.greatestFiniteMagnitude)")
    }
    return value
  }

  private func whole<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
    switch tree {
    case .integer(let value): if let value = Value(exactly: value) { return value }
    case .unsigned(let value): if let value = Value(exactly: value) { return value }
    case .number(let value): if let value = Value(exactly: value) { return value }
    default: throw mismatch(type, "a whole number")
    }
    let name = codingPath.last { $0.intValue == nil }?.stringValue ?? ""
    let range = WholeNumbers.ranges[name].map { "from \($0.lowerBound) to \($0.upperBound)" }
    throw corrupt(
      "is \(tree.excerpt), not a whole number \(range ?? "from \(type.min) to \(type.max)")")
  }
}

/// The keys that someone asked for, object by object.
final class KeyLog {
  private(set) var asked: [String: Set<String>] = [:]
  /// Whether all was read, so that a key that nobody has asked for is unknown.
  var isComplete = false
  /// Whether a missing value is read as 1 or as an empty one, to find out all keys.
  let fillsGaps: Bool
  /// Where something was missing.
  private(set) var gaps: Set<String> = []

  init(fillsGaps: Bool = false) { self.fillsGaps = fillsGaps }

  func note(_ key: String, at path: [any CodingKey]) {
    asked[path.name, default: []].insert(key)
  }

  func noteGap(_ key: String, at path: [any CodingKey]) {
    gaps.insert(path.name + "." + key)
  }

  /// Whether an error at that place is that of something missing.
  func isGap(_ path: [any CodingKey]) -> Bool {
    guard let key = path.last else { return false }
    return gaps.contains(Array(path.dropLast()).name + "." + key.stringValue)
  }

  /// Takes over what another log has.
  func take(_ other: KeyLog) { (asked, isComplete) = (other.asked, other.isComplete) }
}

/// The words that a choice is written with.
private enum Choices {
  static func words(of type: Any.Type) -> [String]? {
    guard let type = type as? any CaseIterable.Type else { return nil }
    return words(type)
  }

  private static func words<Choice: CaseIterable>(_ type: Choice.Type) -> [String]? {
    let words = type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    return words.count == type.allCases.count ? words : nil
  }
}

private struct Index: CodingKey {
  let number: Int
  var intValue: Int? { number }
  var stringValue: String { "\(number)" }
  init(_ number: Int) { self.number = number }
  init?(intValue: Int) { number = intValue }
  init?(stringValue: String) { nil }
}

// MARK: Containers

private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: JSONValueDecoder
  let entries: [String: JSONValue]
  var codingPath: [any CodingKey] { decoder.codingPath }
  var allKeys: [Key] { entries.keys.compactMap(Key.init(stringValue:)) }

  private func entry(_ key: Key) -> JSONValue? {
    decoder.keys.note(key.stringValue, at: codingPath)
    return entries[key.stringValue]
  }

  private func inner(_ key: Key) throws -> JSONValueDecoder {
    guard let tree = entry(key) else {
      throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: ""))
    }
    return JSONValueDecoder(tree, at: codingPath + [key], noting: decoder.keys)
  }

  func contains(_ key: Key) -> Bool { entry(key) != nil }

  func decodeNil(forKey key: Key) throws -> Bool { try inner(key).tree == .null }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    if decoder.keys.fillsGaps, entry(key) == nil {
      decoder.keys.noteGap(key.stringValue, at: codingPath)
      for tree in [JSONValue.integer(1), .string(""), .array([])] {
        let gap = JSONValueDecoder(tree, at: codingPath + [key], noting: KeyLog())
        if let value = try? gap.value(type) { return value }
      }
    }
    return try inner(key).value(type)
  }

  func nestedContainer<Inner: CodingKey>(
    keyedBy type: Inner.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Inner> { try inner(key).container(keyedBy: type) }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try inner(key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { decoder }

  func superDecoder(forKey key: Key) throws -> any Decoder { try inner(key) }
}

private struct Unkeyed: UnkeyedDecodingContainer {
  let decoder: JSONValueDecoder
  let items: [JSONValue]
  var currentIndex = 0
  var codingPath: [any CodingKey] { decoder.codingPath }
  var count: Int? { items.count }
  var isAtEnd: Bool { currentIndex >= items.count }

  private mutating func next() throws -> JSONValueDecoder {
    let path = codingPath + [Index(currentIndex)]
    guard !isAtEnd else {
      throw DecodingError.valueNotFound(
        JSONValue.self, .init(codingPath: path, debugDescription: ""))
    }
    defer { currentIndex += 1 }
    return JSONValueDecoder(items[currentIndex], at: path, noting: decoder.keys)
  }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd, items[currentIndex] == .null else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try next().value(type)
  }

  mutating func nestedContainer<Inner: CodingKey>(
    keyedBy type: Inner.Type
  ) throws -> KeyedDecodingContainer<Inner> { try next().container(keyedBy: type) }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try next().unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder { try next() }
}

private struct Single: SingleValueDecodingContainer {
  let decoder: JSONValueDecoder
  var codingPath: [any CodingKey] { decoder.codingPath }

  func decodeNil() -> Bool { decoder.tree == .null }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.value(type) }
}

extension JSONValue {
  /// The beginning of its text, for a message of one line.
  var excerpt: String { (try? StateCoding.encode(self))?.excerpt ?? "a value" }
}
