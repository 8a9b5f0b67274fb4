/// What a file holds, told by how it begins.
///
/// A writer replaces a file unasked only where that file is of the kind that it writes: a checkpoint
/// goes over a checkpoint, never over someone's thesis.
public struct FileKind: Sendable {
  /// With its article, for messages: `a checkpoint`.
  public var name: String
  /// Whether a file is of this kind; gets its first bytes, `prefixLength` or all that there are.
  public var matches: @Sendable ([UInt8]) -> Bool

  public static let prefixLength = 4096

  public init(_ name: String, matches: @escaping @Sendable ([UInt8]) -> Bool) {
    self.name = name
    self.matches = matches
  }

  /// A kind that has `text` at the very start of the file.
  public init(_ name: String, startsWith text: String) {
    self.init(name) { $0.starts(with: text.utf8) }
  }

  /// A kind that has `text` within the first `prefixLength` bytes.
  public init(_ name: String, startsWith start: String = "", contains text: String) {
    self.init(name) { bytes in
      bytes.starts(with: start.utf8) && bytes.firstRange(of: Array(text.utf8)) != nil
    }
  }

  /// Eight bytes of length, below 2⁴⁰, and a JSON header.
  public static let safetensors = FileKind("a safetensors file") { bytes in
    bytes.count > 8 && bytes[5..<8].allSatisfy { $0 == 0 } && bytes[8] == UInt8(ascii: "{")
  }
}
