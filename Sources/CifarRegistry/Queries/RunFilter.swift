import CifarCore

/// A condition on runs, read from text and made into SQL.
///
///     val_accuracy > 0.8 and recipe = keras and started > '2 days ago'
///     (tag = baseline or name ~ wide) and not status in (failed, crashed)
///     optimizer.learning_rate <= 0.001 and duration > 2h and note is null
///
/// `=`, `!=`, `<`, `<=`, `>`, `>=` compare; `~` and `!~` look for a text within, whatever its case.
/// `and` binds tighter than `or`.
struct RunFilter {
  /// A condition on `runs r`.
  private(set) var sql = ""
  private(set) var values: [SQLValue] = []

  private let tokens: [FilterToken]
  private var position = 0
  private let liveness: Liveness
  private var depth = 0

  /// SQLite's own limit lies at a thousand.
  private static let deepest = 100

  /// - Throws: `invalidArgument`; the message names the column.
  init(_ text: String, _ liveness: Liveness) throws {
    tokens = try FilterToken.all(of: text)
    self.liveness = liveness
    guard tokens.count > 1 else { throw FilterToken.error(1, "the filter is empty") }
    guard tokens.count < 1000 else { throw FilterToken.error(1, "the filter is too long") }
    sql = "(\(try alternatives()))"
    if next.kind != .end {
      throw FilterToken.error(
        next.column, "'\(next.text.excerpt)' is unexpected; join with and, or")
    }
  }

  private var next: FilterToken { tokens[position] }

  private mutating func take() -> FilterToken {
    defer { if position < tokens.count - 1 { position += 1 } }
    return tokens[position]
  }

  private mutating func takes(_ words: String...) -> Bool {
    guard words.contains(next.kind == .sign ? next.text : next.keyword) else { return false }
    position += 1
    return true
  }

  private mutating func alternatives() throws -> String {
    depth += 1
    defer { depth -= 1 }
    guard depth < RunFilter.deepest else {
      throw FilterToken.error(next.column, "brackets are nested too deeply")
    }
    var parts = [try conjunction()]
    while takes("or", "||") { parts.append(try conjunction()) }
    return parts.joined(separator: " OR ")
  }

  private mutating func conjunction() throws -> String {
    var parts = [try condition()]
    while takes("and", "&&") { parts.append(try condition()) }
    return parts.joined(separator: " AND ")
  }

  private mutating func condition() throws -> String {
    var isNegated = false
    while takes("not") { isNegated.toggle() }
    let inner: String
    if takes("(") {
      inner = try alternatives()
      guard takes(")") else { throw FilterToken.error(next.column, "a ) is missing here") }
    } else {
      inner = try comparison()
    }
    // A comparison with what a run does not have is not true; its negation is.
    return isNegated ? "NOT coalesce((\(inner)), 0)" : "(\(inner))"
  }

  private mutating func comparison() throws -> String {
    let name = take()
    guard name.kind == .word, !["and", "or", "in", "is"].contains(name.keyword) else {
      throw FilterToken.error(
        name.column,
        name.kind == .end ? "a field is missing here" : "'\(name.text.excerpt)' is no field")
    }
    let field = try RunField.named(name.text, liveness) { FilterToken.error(name.column, $0) }
    if takes("is") {
      let isNot = takes("not")
      guard takes("null") else { throw FilterToken.error(next.column, "null is missing here") }
      return presence(field, isNot)
    }
    let isNegated = takes("not")
    if takes("in") { return try membership(field, isNegated) }
    let sign = take()
    guard !isNegated, sign.kind == .sign, sign.text != "(", sign.text != ")", sign.text != ","
    else {
      throw FilterToken.error(
        sign.column, "a comparison (=, !=, <, <=, >, >=, ~, in, is null) is missing here")
    }
    return try compare(field, sign, take())
  }

  private func presence(_ field: RunField, _ isNot: Bool) -> String {
    if field.kind == .member {
      let some = field.sql.replacing("%", with: "IS NOT NULL")
      return isNot ? some : "NOT \(some)"
    }
    return "\(field.sql) IS \(isNot ? "NOT " : "")NULL"
  }

  private mutating func membership(_ field: RunField, _ isNegated: Bool) throws -> String {
    guard takes("(") else { throw FilterToken.error(next.column, "a ( is missing here") }
    var parts: [String] = []
    repeat {
      let equal = FilterToken(kind: .sign, text: "=", column: next.column)
      parts.append(try compare(field, equal, take()))
    } while takes(",")
    guard takes(")") else { throw FilterToken.error(next.column, "a ) or , is missing here") }
    let some = parts.joined(separator: " OR ")
    return isNegated ? "NOT coalesce((\(some)), 0)" : some
  }

  private mutating func compare(
    _ field: RunField, _ sign: FilterToken, _ value: FilterToken
  ) throws -> String {
    guard value.kind == .word || value.kind == .string else {
      throw FilterToken.error(value.column, "a value is missing here")
    }
    let symbol = ["==": "=", "<>": "!="][sign.text] ?? sign.text
    if symbol == "~" || symbol == "!~" {
      values.append(.text("%\(RunFilter.escaped(value.text))%"))
      let like = "LIKE ? ESCAPE '\\'"
      let some =
        field.kind == .member ? field.sql.replacing("%", with: like) : "\(field.sql) \(like)"
      return symbol == "~" ? some : "NOT coalesce(\(some), 0)"
    }
    if field.kind == .prefix, symbol == "=" || symbol == "!=" {
      values.append(.text(RunFilter.escaped(value.text) + "%"))
      let like = "\(field.sql) LIKE ? ESCAPE '\\'"
      return symbol == "=" ? like : "NOT coalesce(\(like), 0)"
    }
    values.append(try FilterValue.read(value, for: field, now: liveness.now))
    if field.kind == .member {
      return symbol == "!="
        ? "NOT " + field.sql.replacing("%", with: "= ?")
        : field.sql.replacing("%", with: "\(symbol) ?")
    }
    // Something else than what it is compared with is also what is not there.
    return "\(field.comparableSQL) \(symbol == "!=" ? "IS NOT" : symbol) ?"
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { $0 += "%_\\".contains($1) ? "\\\($1)" : "\($1)" }
  }
}
