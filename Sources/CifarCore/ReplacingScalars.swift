extension String {
  /// The text with something in place of single scalars.
  ///
  /// Swift's own `replacing` compares `Character`s: a quote that a combining mark follows is none for
  /// it, but is one for whatever reads CSV, SQL or HTML.
  public func replacingScalars(_ replacement: (Unicode.Scalar) -> String?) -> String {
    var text = ""
    text.reserveCapacity(utf8.count)
    for scalar in unicodeScalars {
      if let other = replacement(scalar) {
        text.unicodeScalars.append(contentsOf: other.unicodeScalars)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
