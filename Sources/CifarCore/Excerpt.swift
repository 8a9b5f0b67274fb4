extension String {
  /// The beginning, for a message of one line: what somebody else wrote may be a megabyte long.
  public var excerpt: String {
    var text = String(prefix(60).map { $0.isNewline ? " " : $0 })
    // A character may be of any number of scalars.
    if text.utf8.count > 240 { text = String(decoding: text.utf8.prefix(240), as: UTF8.self) }
    return text.utf8.count < utf8.count ? text + "…" : text
  }
}
