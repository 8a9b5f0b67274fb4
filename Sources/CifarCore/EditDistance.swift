/// How different two words are.
public enum EditDistance {
  /// Nobody mistypes a longer word. Without a limit a megabyte where a name should be would be
  /// compared letter by letter with every known one.
  private static let longest = 100

  /// The number of insertions, deletions and replacements between them (Levenshtein); of words that
  /// are more than 100 bytes long the length of the longer one, unless they are equal.
  public static func between(_ a: String, _ b: String) -> Int {
    let longer = max(a.utf8.count, b.utf8.count)
    if longer > longest { return a == b ? 0 : longer }
    let a = Array(a)
    let b = Array(b)
    var row = Array(0...b.count)
    for i in 0..<a.count {
      var diagonal = row[0]
      row[0] = i + 1
      for j in 0..<b.count {
        let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }
}
