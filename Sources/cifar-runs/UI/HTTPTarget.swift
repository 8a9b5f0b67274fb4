/// What a request asks for: `/api/runs?filter=val_loss%20%3C%201&sort=name`.
struct HTTPTarget: Equatable {
  var path: String
  /// In their order; a name may be there several times.
  var query: [(name: String, value: String)]

  /// - Returns: nil for what is no path or not UTF-8 when it is decoded.
  init?(_ text: String) {
    guard text.hasPrefix("/") else { return nil }
    let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = HTTPTarget.decoded(parts[0]) else { return nil }
    self.path = path
    query = []
    guard parts.count > 1 else { return }
    for pair in parts[1].split(separator: "&") {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = HTTPTarget.decoded(sides[0]),
        let value = HTTPTarget.decoded(sides.count > 1 ? sides[1] : "")
      else { return nil }
      query.append((name, value))
    }
  }

  static func == (a: HTTPTarget, b: HTTPTarget) -> Bool {
    a.path == b.path && a.query.elementsEqual(b.query, by: ==)
  }

  func all(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }

  /// The last value; nil for what is not there, and for what is empty.
  func value(_ name: String) -> String? { all(name).last.flatMap { $0.isEmpty ? nil : $0 } }

  private static func decoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "%"):
        guard rest.count >= 2,
          let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
          rest.first != UInt8(ascii: "+"), value != 0
        else { return nil }
        bytes.append(value)
        rest = rest.dropFirst(2)
      case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
