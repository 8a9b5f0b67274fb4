extension CommandLine {
  /// The command as it was given, so that a shell takes it again.
  public static var text: String { arguments.map(quoted).joined(separator: " ") }

  private static let plain = "_-+=:,./@%^".unicodeScalars

  /// A word so that a shell takes it as one.
  public static func quoted(_ word: String) -> String {
    let isPlain = word.unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || ("0"..."9").contains($0) || plain.contains($0)
    }
    if isPlain && !word.isEmpty { return word }
    let parts = word.split(separator: "'", omittingEmptySubsequences: false)
    return "'" + parts.joined(separator: "'\\''") + "'"
  }
}

extension Arguments {
  /// The option that a command needs, after a blank, to find the same registry; empty where none was named.
  public var registryOption: String {
    value("--registry").map { " --registry " + CommandLine.quoted($0) } ?? ""
  }
}
