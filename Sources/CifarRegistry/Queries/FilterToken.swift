import CifarCore

/// One word or sign of a filter, with its place in the text.
struct FilterToken: Equatable {
  enum Kind: Equatable {
    /// A name, keyword or unquoted value.
    case word
    case string
    case sign
    case end
  }

  var kind: Kind
  var text: String
  /// From 1, in characters.
  var column: Int

  var keyword: String { kind == .word ? text.lowercased() : "" }

  /// - Throws: `invalidArgument` for a character that means nothing, or a string without an end.
  static func all(of filter: String) throws -> [FilterToken] {
    let characters = Array(filter)
    var tokens: [FilterToken] = []
    var index = 0
    while index < characters.count {
      let start = index
      let character = characters[index]
      if character.isWhitespace {
        index += 1
      } else if character == "'" || character == "\"" {
        var text = ""
        index += 1
        while true {
          guard index < characters.count else {
            throw error(start + 1, "the string that begins here has no closing \(character)")
          }
          if characters[index] == character {
            // A quote within a string is written twice, as in SQL.
            guard index + 1 < characters.count, characters[index + 1] == character else { break }
            index += 1
          }
          text.append(characters[index])
          index += 1
        }
        index += 1
        tokens.append(FilterToken(kind: .string, text: text, column: start + 1))
      } else if isOfWord(character) {
        while index < characters.count, isOfWord(characters[index]) { index += 1 }
        tokens.append(
          FilterToken(kind: .word, text: String(characters[start..<index]), column: start + 1))
      } else {
        let pair = String(characters[index..<min(index + 2, characters.count)])
        guard let sign = signs.first(where: { pair.hasPrefix($0) }) else {
          throw error(start + 1, "'\(character)' means nothing here; quote texts that hold it")
        }
        index += sign.count
        tokens.append(FilterToken(kind: .sign, text: sign, column: start + 1))
      }
    }
    return tokens + [FilterToken(kind: .end, text: "", column: characters.count + 1)]
  }

  /// The longer ones first.
  private static let signs = [
    "<=", ">=", "!=", "==", "<>", "!~", "&&", "||", "<", ">", "=", "~", "(", ")", ",",
  ]

  private static func isOfWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "_.-+%:*/@".contains(character)
  }

  static func error(_ column: Int, _ sentence: String) -> CifarError {
    CifarError(.invalidArgument, "filter, column \(column): \(sentence)")
  }
}
