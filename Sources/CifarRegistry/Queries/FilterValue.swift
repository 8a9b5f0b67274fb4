import CifarCore
import Glibc

/// Reads what a field is compared with.
enum FilterValue {
  static func read(
    _ token: FilterToken, for field: RunField, now: Timestamp
  ) throws -> SQLValue {
    switch field.kind {
    case .text, .prefix, .member: return .text(token.text)
    case .number:
      if let number = number(token.text) { return .real(number) }
      throw FilterToken.error(
        token.column, "\(field.name) is compared with a number, not with '\(token.text.excerpt)'")
    case .unsigned:
      if let number = UInt64(token.text) { return .text(RunField.padded("\(number)")) }
      throw FilterToken.error(
        token.column,
        "\(field.name) is compared with a whole number from 0 to 2^64 - 1, not with "
          + "'\(token.text.excerpt)'")
    case .duration:
      if let seconds = duration(token.text) { return .real(seconds) }
      throw FilterToken.error(
        token.column, "'\(token.text.excerpt)' is no duration; write 90s, 15m, 2h or 1d")
    case .time:
      if let time = time(token.text, now: now) { return .time(time) }
      throw FilterToken.error(
        token.column,
        "'\(token.text.excerpt)' is no time; write '2 days ago', yesterday, 2026-11-23 or "
          + "'2026-11-23 20:22'")
    case .any:
      if token.kind == .word {
        if let number = number(token.text) { return .real(number) }
        if token.keyword == "true" { return .integer(1) }
        if token.keyword == "false" { return .integer(0) }
      }
      return .text(token.text)
    }
  }

  /// `0.8`, `80%`, `-inf`.
  static func number(_ text: String) -> Double? {
    let isPercent = text.hasSuffix("%")
    guard let value = Double(isPercent ? String(text.dropLast()) : text), !value.isNaN else {
      return nil
    }
    return isPercent ? value / 100 : value
  }

  private static let units: [(names: [String], seconds: Double)] = [
    (["s", "sec", "second"], 1), (["m", "min", "minute"], 60), (["h", "hour"], 3600),
    (["d", "day"], 86_400), (["w", "week"], 604_800), (["month"], 2_629_746),
    (["y", "year"], 31_556_952),
  ]

  /// `90`, `90s`, `1.5h`, `2 days`.
  static func duration(_ text: String) -> Double? {
    let trimmed = text.filter { !$0.isWhitespace }.lowercased()
    let digits = trimmed.prefix { $0.isNumber || $0 == "." }
    guard let value = Double(String(digits)), value < 1e12 else { return nil }
    var unit = String(trimmed.dropFirst(digits.count))
    if unit.isEmpty { return value }
    if unit.count > 1, unit.hasSuffix("s") { unit.removeLast() }
    return units.first { $0.names.contains(unit) }.map { value * $0.seconds }
  }

  /// `2 days ago`, `3h`, `today`, `yesterday`, `now`, a date or a date and time in the local zone,
  /// or what the registry itself writes.
  static func time(_ text: String, now: Timestamp) -> Timestamp? {
    let word = text.trimmingSpaces().lowercased()
    switch word {
    case "now": return now
    case "today": return midnight(now, daysBack: 0)
    case "yesterday": return midnight(now, daysBack: 1)
    default: break
    }
    let isAgo = word.hasSuffix("ago")
    // A year alone would read as a number of seconds.
    if isAgo || word.last?.isLetter == true,
      let seconds = duration(isAgo ? String(word.dropLast(3)) : word), seconds < 1e10
    {
      return Timestamp(
        millisecondsSince1970: now.millisecondsSince1970 - Int64(seconds * 1000))
    }
    return Timestamp(text) ?? local(word)
  }

  private static func midnight(_ now: Timestamp, daysBack: Int32) -> Timestamp? {
    var seconds = time_t(now.millisecondsSince1970 / 1000)
    var parts = tm()
    localtime_r(&seconds, &parts)
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (0, 0, 0)
    parts.tm_mday -= daysBack
    parts.tm_isdst = -1
    return Timestamp(millisecondsSince1970: Int64(mktime(&parts)) * 1000)
  }

  /// `2026-11-23`, `2026-11-23 20:22`, `2026-11-23T20:22:08`.
  private static func local(_ text: String) -> Timestamp? {
    let words = text.split { $0 == " " || $0 == "t" }
    guard (1...2).contains(words.count) else { return nil }
    let date = words[0].split(separator: "-", omittingEmptySubsequences: false).map {
      Int32($0)
    }
    let clock =
      words.count == 1
      ? [0, 0]
      : words[1].split(separator: ":", omittingEmptySubsequences: false).map { Int32($0) }
    guard date.count == 3, (2...3).contains(clock.count), let year = date[0], let month = date[1],
      let day = date[2], let hour = clock[0], let minute = clock[1],
      let second = clock.count == 3 ? clock[2] : 0,
      (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day),
      (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second)
    else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
    parts.tm_isdst = -1
    return Timestamp(millisecondsSince1970: Int64(mktime(&parts)) * 1000)
  }
}

extension String {
  fileprivate func trimmingSpaces() -> String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
