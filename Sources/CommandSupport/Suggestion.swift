/// Finds what somebody probably meant.
enum Suggestion {
  /// "; did you mean …?", or nothing when no candidate is close.
  static func text(for word: String, among candidates: [String]) -> String {
    let closest = candidates.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
    guard let (candidate, edits) = closest, edits <= (word.count + 2) / 3 else { return "" }
    return "; did you mean \(candidate)?"
  }

  /// The number of insertions, deletions and replacements between two words (Levenshtein).
  static func distance(_ a: String, _ b: String) -> Int {
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
