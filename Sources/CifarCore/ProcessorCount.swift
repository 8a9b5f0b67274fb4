import CCPUFeatures
import Glibc

extension ThreadPool {
  /// As many threads as this process may really use: the processors it is allowed to run on, or
  /// the quota of its control group where that is less.
  public static var defaultThreads: Int {
    max(1, min(Int(cpu_allowed_count()), controlGroupQuota() ?? Int.max))
  }

  /// The processors that the control group's CPU bandwidth allows, rounded up; nil without a limit.
  ///
  /// Version 2 writes "quota period" or "max period" to `cpu.max`, version 1 one number a file and
  /// -1 for no limit.
  private static func controlGroupQuota() -> Int? {
    let unified = words(of: "/sys/fs/cgroup/cpu.max")
    let quota = unified.first ?? words(of: "/sys/fs/cgroup/cpu/cpu.cfs_quota_us").first
    let period =
      unified.dropFirst().first ?? words(of: "/sys/fs/cgroup/cpu/cpu.cfs_period_us").first
    guard let quota = quota.flatMap(Int.init), let period = period.flatMap(Int.init),
      quota > 0, period > 0
    else { return nil }
    return max(1, (quota + period - 1) / period)
  }

  private static func words(of path: String) -> [String] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, Int32(line.count), file) != nil else { return [] }
    let bytes = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      .map(String.init)
  }
}
