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

  /// ISO 8601 in UTC with milliseconds.
  public var description: String {
    let rest = ((millisecondsSince1970 % 1000) + 1000) % 1000
    var seconds = time_t((millisecondsSince1970 - rest) / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = [(parts.tm_year + 1900, 4), (parts.tm_mon + 1, 2), (parts.tm_mday, 2)]
    let time = [parts.tm_hour, parts.tm_min, parts.tm_sec]
    return date.map { padded(Int($0.0), $0.1) }.joined(separator: "-") + "T"
      + time.map { padded(Int($0), 2) }.joined(separator: ":") + "." + padded(Int(rest), 3) + "Z"
  }

  /// Reads what `description` writes; nil for anything else.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    let form = Array("0000-00-00T00:00:00.000Z".utf8)
    let zero = UInt8(ascii: "0")
    guard bytes.count == form.count,
      zip(bytes, form).allSatisfy({ $1 == zero ? (zero...zero + 9).contains($0) : $0 == $1 })
    else { return nil }
    func number(_ range: Range<Int>) -> Int32? {
      Int32(String(decoding: bytes[range], as: UTF8.self))
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
      let milliseconds = number(20..<23), (1...12).contains(month), (1...31).contains(day),
      hour < 24, minute < 60, second <= 60
    else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
    self.init(millisecondsSince1970: Int64(timegm(&parts)) * 1000 + Int64(milliseconds))
  }
}
