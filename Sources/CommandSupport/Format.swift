import CifarCore
import Glibc

/// Numbers, times and sizes as people read them.
public enum Format {
  /// `value` with a fixed number of decimals; `nan`, `inf` and `-inf` as they are.
  public static func fixed(_ value: Double, _ decimals: Int = 4) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return printf("%.*f", Int32(decimals), value)
  }

  /// A short form for numbers of any size, such as learning rates: 0.001, 2.5e-05, 1.8e+12.
  public static func short(_ value: Double) -> String {
    value.isFinite ? printf("%.*g", Int32(4), value) : fixed(value)
  }

  /// A loss: four decimals while they say something.
  public static func loss(_ value: Double) -> String {
    abs(value) < 10_000 ? fixed(value, 4) : short(value)
  }

  /// A fraction as a percentage: 0.7312 is `73.12 %`.
  public static func percent(_ fraction: Double) -> String {
    guard fraction.isFinite else { return fixed(fraction) }
    // Halves away from zero, as the pages do it: printf would take the even neighbour.
    let hundredths = (fraction * 1e4).rounded()
    return fixed(abs(hundredths) < 1e15 ? hundredths / 100 : fraction * 100, 2) + " %"
  }

  /// The value of a metric, as its description asks for.
  public static func metric(_ value: Double, _ format: EpochMetric.Format) -> String {
    switch format {
    case .loss: loss(value)
    case .percent: percent(value)
    case .number: short(value)
    case .duration: duration(value)
    case .whole: fixed(value, 0)
    case .bytes: abs(value) < 1e18 ? bytes(Int(value)) : short(value)
    }
  }

  /// How the value of a metric is written that is no epoch's: one of a training's end, or the program's
  /// own.
  public static func own(_ metric: String) -> (Double) -> String {
    guard let format = ResultMetric(rawValue: metric)?.format else { return short }
    return { Format.metric($0, format) }
  }

  /// A span of time in its two largest units: `2d 03h`, `1h 02m`, `3m 41s`, `12.3 s`, `4 ms`.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, abs(seconds) < 1e12 else { return fixed(seconds) }
    if seconds < 0 { return "-" + duration(-seconds) }
    if seconds == 0 { return "0 s" }
    if seconds < 0.9995 { return fixed(seconds * 1000, seconds < 0.00995 ? 1 : 0) + " ms" }
    if seconds < 59.95 { return fixed(seconds, 1) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60)m \(twoDigits(whole % 60))s" }
    if whole < 86_400 { return "\(whole / 3600)h \(twoDigits(whole / 60 % 60))m" }
    return "\(whole / 86_400)d \(twoDigits(whole / 3600 % 24))h"
  }

  /// A size in binary units: `812 B`, `6.3 MiB`.
  public static func bytes(_ count: Int) -> String {
    if count < 0 { return "-" + bytes(count > Int.min ? -count : Int.max) }
    if count < 1024 { return "\(count) B" }
    var value = Double(count) / 1024
    var units = ["KiB", "MiB", "GiB", "TiB"][...]
    while value >= 1023.95, units.count > 1 {
      value /= 1024
      units.removeFirst()
    }
    return fixed(value, 1) + " " + units[units.startIndex]
  }

  /// A whole number with a thin grouping: 4482921 is `4,482,921`.
  public static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (offset, digit) in digits.enumerated() {
      if offset > 0 && (digits.count - offset) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return value < 0 ? "-" + text : text
  }

  /// A moment in the reader's time zone, to the minute: `2026-11-23 20:22`.
  public static func localTime(secondsSince1970: Double, seconds: Bool = false) -> String {
    guard secondsSince1970.isFinite, abs(secondsSince1970) < 1e11 else { return "?" }
    var time = time_t(secondsSince1970.rounded(.down))
    var parts = tm()
    guard localtime_r(&time, &parts) != nil else { return "?" }
    var text =
      "\(parts.tm_year + 1900)-\(twoDigits(Int(parts.tm_mon) + 1))-\(twoDigits(Int(parts.tm_mday)))"
      + " \(twoDigits(Int(parts.tm_hour))):\(twoDigits(Int(parts.tm_min)))"
    if seconds { text += ":\(twoDigits(Int(parts.tm_sec)))" }
    return text
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  private static func printf(_ format: String, _ arguments: any CVarArg...) -> String {
    withVaList(arguments) { list in
      var buffer = [CChar](repeating: 0, count: 352)
      let length = Int(vsnprintf(&buffer, buffer.count, format, list))
      let bytes = buffer.prefix(max(0, min(length, buffer.count - 1)))
      return String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}
