extension ControlGroup {
  /// The processors that the process's control groups allow it, rounded up; nil without a limit.
  static func processorQuota() -> Int? {
    guard let groups = File.systemText("/proc/self/cgroup") else { return nil }
    let mounts = File.systemText("/proc/self/mountinfo") ?? ""
    return places(groups: groups, mounts: mounts, controller: "cpu")
      .compactMap { processors($0, File.systemText) }.min()
  }

  /// What one group allows: its bandwidth in a period, in processors, rounded up; nil for no limit.
  ///
  /// Version 2 writes "quota period" or "max period" to `cpu.max`, version 1 one number a file and
  /// -1 for no limit. A group is limited by those around it, too.
  ///
  /// - Parameter file: the text of a file, nil if there is none.
  static func processors(_ place: Place, _ file: (String) -> String?) -> Int? {
    func numbers(_ name: String) -> [Int?] {
      (file("\(place.directory)/\(name)") ?? "").split(whereSeparator: \.isWhitespace)
        .map { Int($0) }
    }
    let values =
      place.isVersion2
      ? numbers("cpu.max") : numbers("cpu.cfs_quota_us") + numbers("cpu.cfs_period_us")
    guard values.count == 2, let quota = values[0], let period = values[1], quota > 0, period > 0
    else { return nil }
    return (quota - 1) / period + 1
  }
}
