import CifarCore
import Glibc

/// The time that something took.
struct Lap {
  var seconds: Double
  /// Of all threads of the process.
  var cpuSeconds: Double
}

/// The time between two looks.
struct Stopwatch {
  private var last = Stopwatch.now()
  private var lastCPU = ProcessUsage.cpuSeconds

  mutating func lap() -> Lap {
    let (now, cpu) = (Stopwatch.now(), ProcessUsage.cpuSeconds)
    defer { (last, lastCPU) = (now, cpu) }
    return Lap(seconds: now - last, cpuSeconds: cpu - lastCPU)
  }

  /// Seconds since it was made, or since the last lap.
  var elapsed: Double { Stopwatch.now() - last }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
