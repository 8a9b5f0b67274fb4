extension String {
  /// The beginning, for a message of one line: what somebody else wrote may be a megabyte long.
  public var excerpt: String { excerpt(bytes: 240, characters: 60) }

  /// At most so much of it, on one line; an ellipsis says that there was more.
  func excerpt(bytes: Int, characters: Int) -> String {
    let beginning = utf8.count > bytes ? String(decoding: utf8.prefix(bytes), as: UTF8.self) : self
    let text = String(beginning.prefix(characters).map { $0.isNewline ? " " : $0 })
    return text.utf8.count < utf8.count ? text + "…" : text
  }
}
