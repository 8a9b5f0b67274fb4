import Glibc

/// A moment, to the millisecond.
///
/// Stored as text in ISO 8601, UTC (`2026-11-23T20:22:08.123Z`): it sorts as it is, and the file
/// can be read without this library.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var millisecondsSince1970: Int64

  public init(millisecondsSince1970: Int64) { self.millisecondsSince1970 = millisecondsSince1970 }

  public static var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(
      millisecondsSince1970: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  public var secondsSince1970: Double { Double(millisecondsSince1970) / 1000 }

  /// Seconds from `earlier` to this moment; negative if it was later.
  public func seconds(since earlier: Timestamp) -> Double {
    Double(millisecondsSince1970 - earlier.millisecondsSince1970) / 1000
  }

  public static func < (a: Timestamp, b: Timestamp) -> Bool {
    a.millisecondsSince1970 < b.millisecondsSince1970
  }

  private static let form = Array("0000-00-00T00:00:00.000Z".utf8)

  /// ISO 8601 in UTC with milliseconds. A year that four digits can't hold is the first or last that
  /// they can.
  public var description: String {
    let milliseconds = ((millisecondsSince1970 % 1000) + 1000) % 1000
    var seconds = time_t((millisecondsSince1970 - milliseconds) / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    var text = Timestamp.form
    func put(_ value: Int, _ places: Range<Int>) {
      var rest = value
      for place in places.reversed() {
        text[place] += UInt8(rest % 10)
        rest /= 10
      }
    }
    put(min(max(Int(parts.tm_year) + 1900, 0), 9999), 0..<4)
    put(Int(parts.tm_mon) + 1, 5..<7)
    put(Int(parts.tm_mday), 8..<10)
    put(Int(parts.tm_hour), 11..<13)
    put(Int(parts.tm_min), 14..<16)
    put(Int(parts.tm_sec), 17..<19)
    put(Int(milliseconds), 20..<23)
    return String(decoding: text, as: UTF8.self)
  }

  /// Reads what `description` writes; nil for anything else.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard bytes.count == Timestamp.form.count,
      zip(bytes, Timestamp.form).allSatisfy({
        $1 == digits.lowerBound ? digits.contains($0) : $0 == $1
      })
    else { return nil }
    func number(_ places: Range<Int>) -> Int32 {
      bytes[places].reduce(0) { 10 * $0 + Int32($1 - digits.lowerBound) }
    }
    let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
    let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
    guard (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
    self.init(millisecondsSince1970: Int64(timegm(&parts)) * 1000 + Int64(number(20..<23)))
  }
}
