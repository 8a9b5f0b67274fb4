/// One option of an object in the hyperparameters: its name in JSON, what it may be, and what it
/// does. Reading, writing, checking, the command line and the documentation come from here.
public struct OptionDescription<Owner: Sendable>: Sendable {
  public typealias Container = KeyedDecodingContainer<AnyKey>

  public let row: OptionRow
  let read: @Sendable (inout Owner, Container) throws -> Void
  let write: @Sendable (Owner, inout KeyedEncodingContainer<AnyKey>) throws -> Void
  /// Throws `invalidArgument` or `shapeMismatch`; gets what the message begins with.
  let check: @Sendable (Owner, String) throws -> Void
  /// The value as JSON has it; nil where there is none.
  public let text: @Sendable (Owner) -> String?
  var applies: @Sendable (Owner) -> Bool = { _ in true }

  public var name: String { row.name }

  public init(
    _ row: OptionRow, read: @escaping @Sendable (inout Owner, Container) throws -> Void,
    write: @escaping @Sendable (Owner, inout KeyedEncodingContainer<AnyKey>) throws -> Void,
    check: @escaping @Sendable (Owner, String) throws -> Void = { _, _ in },
    text: @escaping @Sendable (Owner) -> String? = { _ in nil }
  ) {
    self.row = row
    self.read = read
    self.write = write
    self.check = check
    self.text = text
  }

  /// The same option for owners of one kind only: others neither have it nor write it.
  public func only(where applies: @escaping @Sendable (Owner) -> Bool) -> OptionDescription {
    var option = self
    option.applies = applies
    return option
  }

  /// The same option, shown to people in another way.
  public func showing(_ text: @escaping @Sendable (Owner) -> String?) -> OptionDescription {
    OptionDescription(row, read: read, write: write, check: check, text: text)
  }

  /// The same option, which JSON may also write in another way.
  /// - Parameter other: tells whether it was written so.
  public func reading(
    _ other: @escaping @Sendable (inout Owner, Container) throws -> Bool
  ) -> OptionDescription {
    OptionDescription(
      row,
      read: { [read] owner, values in
        if try !other(&owner, values) { try read(&owner, values) }
      },
      write: write, check: check, text: text)
  }
}

/// What people are told of an option.
public struct OptionRow: Sendable {
  /// How its value is written.
  public enum Form: Sendable {
    case number, whole, flag, word, text, list, object
  }

  public let name: String
  public let form: Form
  /// What it may be, such as `from 0 to 1`.
  public let legal: String
  /// What it does, in a few words.
  public let meaning: String
  public let isRequired: Bool
  /// Of a whole number.
  public let range: ClosedRange<Int>?

  public init(
    _ name: String, _ form: Form, _ legal: String, _ meaning: String, isRequired: Bool = false,
    range: ClosedRange<Int>? = nil
  ) {
    self.name = name
    self.form = form
    self.legal = legal
    self.meaning = meaning
    self.isRequired = isRequired
    self.range = range
  }
}

// MARK: The usual ones

extension OptionDescription {
  public typealias Path<Value> = WritableKeyPath<Owner, Value> & Sendable

  /// An option whose value is read and written as it is.
  ///
  /// - Parameters:
  ///   - older: names that it had, still read.
  ///   - fault: what is wrong with a value, as a sentence that follows it; nil for nothing.
  public static func value<Value: Codable & Sendable>(
    _ row: OptionRow, _ path: Path<Value>, older: [String] = [],
    fault: @escaping @Sendable (Value) -> String? = { _ in nil }
  ) -> OptionDescription {
    OptionDescription(
      row,
      read: { owner, values in
        let key = AnyKey(stringValue: row.name)
        if row.isRequired {
          owner[keyPath: path] = try values.decode(Value.self, forKey: key)
          return
        }
        for key in [key] + older.map(AnyKey.init(stringValue:)) {
          guard let value = try values.decodeIfPresent(Value.self, forKey: key) else { continue }
          owner[keyPath: path] = value
          return
        }
      },
      write: { owner, values in
        try values.encode(owner[keyPath: path], forKey: AnyKey(stringValue: row.name))
      },
      check: { owner, start in try refuse(owner[keyPath: path], row, start, fault) },
      text: { text(of: $0[keyPath: path]) })
  }

  /// An option that may be left out, and then has no value.
  public static func optional<Value: Codable & Sendable>(
    _ row: OptionRow, _ path: Path<Value?>,
    fault: @escaping @Sendable (Value) -> String? = { _ in nil }
  ) -> OptionDescription {
    OptionDescription(
      row,
      read: { owner, values in
        owner[keyPath: path] = try values.decodeIfPresent(
          Value.self, forKey: AnyKey(stringValue: row.name))
      },
      write: { owner, values in
        try values.encodeIfPresent(owner[keyPath: path], forKey: AnyKey(stringValue: row.name))
      },
      check: { owner, start in
        if let value = owner[keyPath: path] { try refuse(value, row, start, fault) }
      },
      text: { $0[keyPath: path].flatMap { text(of: $0) } })
  }

  private static func refuse<Value>(
    _ value: Value, _ row: OptionRow, _ start: String, _ fault: (Value) -> String?
  ) throws {
    guard let fault = fault(value) else { return }
    throw CifarError(.invalidArgument, "\(start)\(row.name) \(fault)")
  }

  private static func text<Value>(of value: Value) -> String? {
    switch value {
    case let value as Double: Int(exactly: value).map { "\($0)" } ?? "\(value)"
    case let value as [Double]:
      "[" + value.map { Int(exactly: $0).map { "\($0)" } ?? "\($0)" }.joined(separator: ", ") + "]"
    case let value as any RawRepresentable: "\(value.rawValue)"
    case let value as any CustomStringConvertible: "\(value)"
    default: nil
    }
  }

  public static func number(
    _ name: String, _ path: Path<Double>, _ range: NumberRange, isRequired: Bool = false,
    older: [String] = [], _ meaning: String
  ) -> OptionDescription {
    value(
      OptionRow(name, .number, "\(range)", meaning, isRequired: isRequired), path, older: older
    ) { range.fault($0) }
  }

  public static func number(
    _ name: String, _ path: Path<Double?>, _ range: NumberRange, _ meaning: String
  ) -> OptionDescription {
    optional(OptionRow(name, .number, "\(range)", meaning), path) { range.fault($0) }
  }

  public static func whole(
    _ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>, isRequired: Bool = false,
    _ meaning: String
  ) -> OptionDescription {
    value(
      OptionRow(name, .whole, words(range), meaning, isRequired: isRequired, range: range), path
    ) { range.contains($0) ? nil : "\($0) is not \(words(range))" }
  }

  public static func whole(
    _ name: String, _ path: Path<Int?>, _ range: ClosedRange<Int>, _ meaning: String
  ) -> OptionDescription {
    optional(OptionRow(name, .whole, words(range), meaning, range: range), path) {
      range.contains($0) ? nil : "\($0) is not \(words(range))"
    }
  }

  private static func words(_ range: ClosedRange<Int>) -> String {
    range.upperBound == .max
      ? "\(range.lowerBound) or above" : "from \(range.lowerBound) to \(range.upperBound)"
  }

  public static func flag(
    _ name: String, _ path: Path<Bool>, _ meaning: String
  ) -> OptionDescription { value(OptionRow(name, .flag, "true or false", meaning), path) }

  /// One of some words.
  public static func word<Value: Codable & Sendable & CaseIterable & RawRepresentable>(
    _ name: String, _ path: Path<Value>, isRequired: Bool = false, _ meaning: String
  ) -> OptionDescription where Value.RawValue == String {
    let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
    return value(OptionRow(name, .word, words, meaning, isRequired: isRequired), path)
  }

  /// Two rising numbers.
  public static func pair(
    _ name: String, _ path: Path<[Double]>, _ range: NumberRange, _ meaning: String
  ) -> OptionDescription {
    value(OptionRow(name, .list, "two rising numbers \(range)", meaning), path) {
      pairFault($0, range)
    }
  }

  static func pairFault(_ pair: [Double], _ range: NumberRange) -> String? {
    let isLegal = pair.count == 2 && pair.allSatisfy(range.contains) && pair[0] <= pair[1]
    return isLegal ? nil : "\(pair) is not two rising numbers \(range)"
  }

  public static func pair(
    _ name: String, _ path: Path<[Double]?>, _ range: NumberRange, _ meaning: String
  ) -> OptionDescription {
    optional(OptionRow(name, .list, "two rising numbers \(range)", meaning), path) {
      pairFault($0, range)
    }
  }

  /// An object with options of its own.
  public static func object<Value: DescribedOptions>(
    _ name: String, _ path: Path<Value>, isRequired: Bool = false, _ meaning: String
  ) -> OptionDescription {
    let row = OptionRow(name, .object, "an object", meaning, isRequired: isRequired)
    let plain = OptionDescription.value(row, path)
    return OptionDescription(
      row, read: plain.read, write: plain.write,
      check: { owner, _ in try owner[keyPath: path].validate() })
  }
}
