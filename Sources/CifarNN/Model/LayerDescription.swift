import CifarCore

/// All there is to say of a layer apart from how it is computed. JSON, `summary`, shapes, parameters
/// and costs come from here; each kind of layer has its description in `Layers`.
struct LayerDescription {
  struct Option {
    /// Its key in JSON.
    let name: String
    /// nil is what the dialect decides.
    let value: LayerOption?
    /// Whether the output's shape tells it.
    var isInShape = false
  }

  /// What `type` is in JSON, and what errors call the layer.
  let type: String
  /// Those that every such layer has; the others where they are not what they usually are.
  var options: [Option] = []
  /// The layer with every option spelled out; nil where the dialect has no part in it.
  var resolved: ((Dialect) -> LayerSpec)?
  /// The shape that the layer makes of its input.
  ///
  /// Throws `invalidArgument` for an option out of range, `shapeMismatch` for an input that the layer
  /// does not take.
  let output: (_ input: ValueShape) throws -> ValueShape
  /// What the layer itself trains, as the last part of its name and its shape.
  var parameters: (_ input: ValueShape) -> [(name: String, shape: [Int])] = { _ in [] }
  /// What it keeps besides.
  var statistics: (_ input: ValueShape) -> [(name: String, shape: [Int])] = { _ in [] }
  /// Additions and multiplications that the layer itself takes to infer one image.
  ///
  /// A multiply-add is two, a bias one; batch norm is one multiply-add a value, ReLU, GELU and
  /// max-pool are counted as one a value read, an average one addition a value read, the sum
  /// of a residual block one addition a value. Dropout and flatten cost nothing.
  var flops: (_ input: ValueShape, _ output: ValueShape) -> Int = { _, _ in 0 }
}

/// How a kind of layer is read from JSON.
struct LayerDecoder: Sendable {
  /// What `type` is; those after the first are read and no longer written.
  let types: [String]
  let decode: @Sendable (inout LayerOptionReader) throws -> LayerSpec

  init(
    _ types: String..., decode: @escaping @Sendable (inout LayerOptionReader) throws -> LayerSpec
  ) {
    self.types = types
    self.decode = decode
  }
}

/// The options of a layer's JSON object.
struct LayerOptionReader {
  private let values: KeyedDecodingContainer<AnyKey>
  /// Those that were asked for, which are those that there are.
  private(set) var known: [String] = []

  init(_ values: KeyedDecodingContainer<AnyKey>) { self.values = values }

  mutating func required<Value: Decodable>(_ name: String) throws -> Value {
    known.append(name)
    return try values.decode(Value.self, forKey: AnyKey(stringValue: name))
  }

  mutating func optional<Value: Decodable>(_ name: String) throws -> Value? {
    known.append(name)
    return try values.decodeIfPresent(Value.self, forKey: AnyKey(stringValue: name))
  }

  /// An option that is one of some words.
  mutating func word<Value: RawRepresentable & CaseIterable>(_ name: String) throws -> Value?
  where Value.RawValue == String {
    guard let text: String = try optional(name) else { return nil }
    guard let value = Value(rawValue: text) else {
      throw DecodingError.dataCorruptedError(
        forKey: AnyKey(stringValue: name), in: values,
        debugDescription: "'\(text.excerpt)' is none of "
          + Value.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return value
  }
}

/// An option's value.
public enum LayerOption: Equatable, Sendable, Encodable, CustomStringConvertible {
  case integer(Int)
  case number(Double)
  case flag(Bool)
  case word(String)
  case layers([LayerSpec])

  public var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .flag(let value): "\(value)"
    case .word(let value): value
    case .layers(let layers): layers.map(\.type).joined(separator: ", ")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .flag(let value): try container.encode(value)
    case .word(let value): try container.encode(value)
    case .layers(let value): try container.encode(value)
    }
  }
}

extension LayerDescription.Option {
  /// Shown where it is not what it usually is.
  static func trainable(_ value: Bool) -> [Self] {
    value ? [] : [Self(name: "trainable", value: .flag(false))]
  }

  static func quantized(_ value: Bool) -> [Self] {
    value ? [Self(name: "quantized", value: .flag(true))] : []
  }
}

extension LayerDescription {
  /// - Throws: `invalidArgument`, naming the option and its range.
  static func check(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws {
    guard range.contains(value) else {
      throw CifarError(
        .invalidArgument,
        "\(name) \(value) is not in \(range.lowerBound) to \(range.upperBound)")
    }
  }

  static func check(_ value: Double, _ range: NumberRange, _ name: String) throws {
    guard let fault = range.fault(value) else { return }
    throw CifarError(.invalidArgument, "\(name) \(fault)")
  }

  /// - Throws: `shapeMismatch` for flat values.
  static func image(
    _ input: ValueShape
  ) throws -> (channels: Int, height: Int, width: Int) {
    guard case .image(let channels, let height, let width) = input else {
      throw CifarError(.shapeMismatch, "takes an image, not \(input) flat values")
    }
    return (channels, height, width)
  }
}
