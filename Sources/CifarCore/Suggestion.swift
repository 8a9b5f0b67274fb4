/// Finds what someone probably meant.
public enum Suggestion {
  /// The name that is closest to `word`: nearly the same, or one whose words begin with its letters,
  /// as those of `learning_rate` do with `lr`. nil where none is close.
  public static func closest(to word: String, among names: some Sequence<String>) -> String? {
    let ranked = names.map { (edits: edits(word, $0), name: $0) }.min { $0 < $1 }
    if let ranked, ranked.edits <= (word.count + 2) / 3 { return ranked.name }
    let letters = word.drop { $0 == "-" }
    guard letters.count > 1 else { return nil }
    return names.first { initials($0) == letters }
  }

  /// `; did you mean NAME?`, or nothing where no name is close.
  public static func text(for word: String, among names: some Sequence<String>) -> String {
    closest(to: word, among: names).map { "; did you mean \($0)?" } ?? ""
  }

  private static func initials(_ name: String) -> Substring {
    Substring(String(name.split { $0 == "_" || $0 == "-" }.compactMap(\.first)))
  }

  /// Nobody mistypes a longer word. Without a limit a megabyte where a name should be would be
  /// compared letter by letter with every known one.
  private static let longest = 100

  /// The number of insertions, deletions and replacements between them (Levenshtein); of words that
  /// are more than 100 bytes long the length of the longer one, unless they are equal.
  static func edits(_ a: String, _ b: String) -> Int {
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
