import Glibc

/// Text that the system hands over as bytes: arguments, the environment, names of files.
public enum SystemText {
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
