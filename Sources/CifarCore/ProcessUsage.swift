import Glibc

/// What this process has taken of the machine so far, other threads of the host included.
public enum ProcessUsage {
  /// Processor time of all threads, in user and in system mode, in seconds.
  public static var cpuSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The most memory that was resident at once since the program began, in bytes: `VmHWM` of
  /// proc_pid_status(5). `getrusage` would count what ran in this process before `execve`; it is asked
  /// where there is no /proc.
  public static var peakMemory: Int {
    if let kibibytes = statusField("VmHWM:") { return kibibytes * 1024 }
    var usage = rusage()
    getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }

  /// Sets the peak to what is resident now: for a program that does one thing after another. Where the
  /// system refuses, the peak stays that of the whole process.
  public static func resetPeakMemory() {
    // "5" means the peak: proc_pid_clear_refs(5).
    let descriptor = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = write(descriptor, "5", 1)
  }

  private static func statusField(_ name: String) -> Int? {
    let lines = File.systemText("/proc/self/status")?.split(separator: "\n")
    let line = lines?.first { $0.hasPrefix(name) }
    return line.flatMap { Int($0.dropFirst(name.utf8.count).filter(\.isNumber)) }
  }
}
