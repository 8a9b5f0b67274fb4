extension String {
  /// The text short enough to be quoted in a message: what a file holds may be a megabyte long.
  public var excerpt: String { oneLine(atMost: 240) }
}
