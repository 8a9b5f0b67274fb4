/// How deep JSON from outside may be nested. Parsers recurse, and a thread of the host may have
/// little stack.
public enum JSONDepth {
  /// A model of residual blocks 16 deep inside a run's hyperparameters needs 36 brackets.
  public static let most = 48

  /// Whether no more than `most` brackets are open at once. Text that is no JSON may be too.
  public static func isAcceptable(_ text: some Sequence<UInt8>) -> Bool {
    var depth = 0
    var isString = false
    var isEscaped = false
    for byte in text {
      if isEscaped {
        isEscaped = false
      } else if isString {
        isEscaped = byte == UInt8(ascii: "\\")
        isString = byte != UInt8(ascii: "\"")
      } else {
        switch byte {
        case UInt8(ascii: "\""): isString = true
        case UInt8(ascii: "["), UInt8(ascii: "{"):
          depth += 1
          if depth > most { return false }
        case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
        default: break
        }
      }
    }
    return true
  }
}
