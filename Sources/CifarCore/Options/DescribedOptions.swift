/// An object of options that describes each of them once.
///
/// In JSON what is left out is as in `init()`.
public protocol DescribedOptions: Codable, Equatable, Sendable {
  /// Every option as it is where it is left out.
  init()
  /// In the order in which they are read.
  static var options: [OptionDescription<Self>] { get }
  /// What is wrong with options that are legal one by one, as a sentence; nil for nothing.
  var conflict: String? { get }
}

extension DescribedOptions {
  public var conflict: String? { nil }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: AnyKey.self)
    self.init()
    for option in Self.options where option.applies(self) { try option.read(&self, values) }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: AnyKey.self)
    for option in Self.options where option.applies(self) { try option.write(self, &values) }
  }

  /// - Parameter owner: what errors call the object; empty for no name.
  /// - Throws: `invalidArgument`, naming the option, its value and what it may be.
  public func validate(as owner: String = "") throws {
    let start = owner.isEmpty ? "" : "\(owner): "
    for option in Self.options where option.applies(self) { try option.check(self, start) }
    if let conflict { throw CifarError(.invalidArgument, start + conflict) }
  }
}

/// One of several kinds of the same thing, which JSON tells apart by `type`.
public protocol OptionsKind: DescribedOptions {
  static var type: String { get }
  /// What it does and where it comes from.
  static var meaning: String { get }
}

extension OptionsKind {
  public var type: String { Self.type }

  public func isEqual(to other: any OptionsKind) -> Bool { (other as? Self) == self }
}

/// Reads and writes things of which there are several kinds.
public enum OptionsKinds {
  private static let type = AnyKey(stringValue: "type")

  /// The place in `types` of what JSON calls `type`.
  ///
  /// - Parameter what: what errors call the thing.
  public static func index(
    in types: [String], from decoder: any Decoder, _ what: String
  ) throws -> Int {
    let values = try decoder.container(keyedBy: AnyKey.self)
    let name = try values.decode(String.self, forKey: type)
    guard let index = types.firstIndex(of: name) else {
      throw DecodingError.dataCorruptedError(
        forKey: type, in: values,
        debugDescription: "is the unknown \(what) '\(name.excerpt)'; use "
          + types.joined(separator: ", "))
    }
    return index
  }

  public static func encode(_ kind: any OptionsKind, to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: AnyKey.self)
    try values.encode(kind.type, forKey: type)
    try kind.encode(to: encoder)
  }
}
