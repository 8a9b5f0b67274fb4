extension String {
  /// The text as one line that any terminal or log can show: control characters and those that turn
  /// the direction of writing are spelled as `\n` or `\u{1B}`, and what is longer than `bytes` of
  /// UTF-8 loses its middle to a "…".
  public func oneLine(atMost bytes: Int) -> String {
    if utf8.count <= bytes, !unicodeScalars.contains(where: String.needsEscape) { return self }
    if let whole = String.escaped(unicodeScalars, atMost: bytes) { return whole }
    // The end of a message says what to do: it gets a quarter.
    let ellipsis = "…"
    let tail = String.ending(unicodeScalars, atMost: bytes / 4)
    let head = String.beginning(
      unicodeScalars, atMost: bytes - ellipsis.utf8.count - tail.utf8.count)
    return head + ellipsis + tail
  }

  /// The text with every control character and every one that turns the direction of writing spelled
  /// out, as `oneLine(atMost:)` does, however long it is.
  ///
  /// - Parameter keepsLines: whether line ends and tabs stay as they are.
  public func visible(keepsLines: Bool = false) -> String {
    func isKept(_ scalar: Unicode.Scalar) -> Bool {
      !String.needsEscape(scalar) || keepsLines && (scalar == "\n" || scalar == "\t")
    }
    // Printable ASCII, which nearly all text is, is recognised by its bytes.
    if utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) || unicodeScalars.allSatisfy(isKept) {
      return self
    }
    var text = ""
    for scalar in unicodeScalars {
      if isKept(scalar) {
        text.unicodeScalars.append(scalar)
      } else {
        text += String.escaped(scalar)
      }
    }
    return text
  }

  /// Whether a character steers a terminal or turns the direction of writing, instead of showing
  /// something.
  public static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0: true
    // Line and paragraph separators; marks, embeddings, overrides and isolates of direction.
    case 0x2028, 0x2029, 0x061c, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069: true
    default: false
    }
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    guard needsEscape(scalar) else { return String(scalar) }
    return switch scalar {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    default: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    }
  }

  /// nil if there is no room for all of it.
  private static func escaped(
    _ scalars: String.UnicodeScalarView, atMost bytes: Int
  ) -> String? {
    guard scalars.count <= bytes else { return nil }
    var text = ""
    for scalar in scalars {
      text += escaped(scalar)
      if text.utf8.count > bytes { return nil }
    }
    return text
  }

  private static func beginning(
    _ scalars: String.UnicodeScalarView, atMost bytes: Int
  ) -> String {
    var text = ""
    for scalar in scalars {
      let next = escaped(scalar)
      guard text.utf8.count + next.utf8.count <= bytes else { break }
      text += next
    }
    return text
  }

  private static func ending(_ scalars: String.UnicodeScalarView, atMost bytes: Int) -> String {
    var parts: [String] = []
    var size = 0
    for scalar in scalars.reversed() {
      let next = escaped(scalar)
      size += next.utf8.count
      guard size <= bytes else { break }
      parts.append(next)
    }
    return parts.reversed().joined()
  }
}
