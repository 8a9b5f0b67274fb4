import Glibc

/// What this process has taken of the machine so far, other threads of the host included.
public enum ProcessUsage {
  /// Processor time of all threads, in user and in system mode, in seconds.
  public static var cpuSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The most memory that was resident at once, in bytes: what `getrusage` calls `ru_maxrss`.
  public static var peakMemory: Int {
    var usage = rusage()
    getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }
}
