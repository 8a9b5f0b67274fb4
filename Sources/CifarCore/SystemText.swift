import Glibc

/// Text that the system hands over as bytes: arguments, the environment, names of files.
public enum SystemText {
  /// An environment variable that is set and not empty.
  ///
  /// - Throws: `invalidArgument` for one that is not UTF-8: put right in silence, it would name
  ///   another file.
  public static func variable(_ name: String) throws -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    if let text = String(validatingCString: value) { return text }
    throw CifarError(
      .invalidArgument,
      "the environment variable \(name) is not UTF-8: '\(escaped(value).excerpt)'; set it to another "
        + "name")
  }

  /// The text with every byte that is not UTF-8 written as `\xff`, for messages.
  public static func escaped(_ bytes: UnsafePointer<CChar>) -> String {
    var source = UnsafeBufferPointer(start: bytes, count: strlen(bytes)).lazy
      .map(UInt8.init(bitPattern:)).makeIterator()
    var rest = UnsafeBufferPointer(start: bytes, count: strlen(bytes))
      .map(UInt8.init(bitPattern:))[...]
    var parser = Unicode.UTF8.ForwardParser()
    var text = ""
    while true {
      switch parser.parseScalar(from: &source) {
      case .emptyInput: return text
      case .valid(let scalar):
        text.unicodeScalars.append(Unicode.UTF8.decode(scalar))
        rest = rest.dropFirst(scalar.count)
      case .error(let length):
        for byte in rest.prefix(length) { text += "\\x" + String(byte, radix: 16) }
        rest = rest.dropFirst(length)
      }
    }
  }
}
