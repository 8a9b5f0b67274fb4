/// What is refused in JSON from outside before it is parsed.
///
/// Parsers recurse, and a thread of the host may have little stack. And of two values under one key
/// they take one in silence.
public struct JSONStructure {
  /// A model of residual blocks 16 deep inside a run's hyperparameters needs 36 brackets.
  public static let mostDepth = 48

  /// The fault, to follow the name of the text: `is nested more than 48 deep`; nil where there
  /// is none. Text that is not JSON may have none.
  public static func fault(in text: some Collection<UInt8>) -> String? {
    func scan(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
      var structure = JSONStructure()
      return structure.scan(bytes)
    }
    if let found = text.withContiguousStorageIfAvailable(scan) { return found }
    return Array(text).withUnsafeBufferPointer(scan)
  }

  /// The keys of each object that is open, nil for a list.
  private var open: [Set<String>?] = []
  private var isKeyNext = false

  private mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    var place = 0
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "\""):
        let start = place + 1
        place = start
        var isEscaped = false
        while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
          if bytes[place] == UInt8(ascii: "\\") {
            isEscaped = true
            place += 1
          }
          place += 1
        }
        if isKeyNext, place < bytes.count {
          isKeyNext = false
          let text = String(decoding: bytes[start..<place], as: UTF8.self)
          let key = isEscaped ? JSONStructure.unescaped(text) : text
          if open[open.count - 1]?.insert(key).inserted == false {
            return "has the key '\(key.excerpt)' twice in one object"
          }
        }
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        isKeyNext = bytes[place] == UInt8(ascii: "{")
        open.append(isKeyNext ? [] : nil)
        if open.count > JSONStructure.mostDepth {
          return "is nested more than \(JSONStructure.mostDepth) deep"
        }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        _ = open.popLast()
        isKeyNext = false
      case UInt8(ascii: ","): isKeyNext = open.last.map { $0 != nil } ?? false
      default: break
      }
      place += 1
    }
    return nil
  }

  private static func unescaped(_ text: String) -> String {
    var units: [UInt16] = []
    var rest = Array(text.utf16)[...]
    while let unit = rest.popFirst() {
      guard unit == 0x5c, let letter = rest.popFirst() else {
        units.append(unit)
        continue
      }
      switch letter {
      case 0x75:  // u
        units.append(UInt16(String(decoding: rest.prefix(4), as: UTF16.self), radix: 16) ?? 0xfffd)
        rest = rest.dropFirst(4)
      case 0x62: units.append(0x08)  // b
      case 0x66: units.append(0x0c)  // f
      case 0x6e: units.append(0x0a)  // n
      case 0x72: units.append(0x0d)  // r
      case 0x74: units.append(0x09)  // t
      default: units.append(letter)
      }
    }
    return String(decoding: units, as: UTF16.self)
  }
}
