import CifarCore

/// Finds what someone probably meant.
enum Suggestion {
  /// "; did you mean …?", or nothing when no candidate is close.
  static func text(for word: String, among candidates: [String]) -> String {
    let closest = candidates.map { ($0, EditDistance.between(word, $0)) }.min { $0.1 < $1.1 }
    guard let (candidate, edits) = closest, edits <= (word.count + 2) / 3 else { return "" }
    return "; did you mean \(candidate)?"
  }
}
