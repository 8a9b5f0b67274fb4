import Glibc

/// Seconds between two looks.
struct Stopwatch {
  private var last = Stopwatch.now()

  mutating func lap() -> Double {
    let now = Stopwatch.now()
    defer { last = now }
    return now - last
  }

  /// Seconds since it was made, or since the last lap.
  var elapsed: Double { Stopwatch.now() - last }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
