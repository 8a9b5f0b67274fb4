import CCPUFeatures

extension ThreadPool {
  /// The most threads that may be asked for.
  public static let mostThreads = 1024

  /// As many threads as this process may really use: the processors it is allowed to run on, or
  /// the quota of its control group, or of one around it, where that is less.
  public static var defaultThreads: Int {
    max(1, min(Int(cpu_allowed_count()), ControlGroup.processorQuota() ?? Int.max))
  }

  /// The threads that compute where someone asks for a number of them.
  ///
  /// Results do not depend on their number, and threads beyond the processors make each other wait:
  /// 64 on two processors took many times as long as 2. So there are `defaultThreads` at most.
  ///
  /// - Throws: `invalidArgument` for a number that is not in 1 to 1024.
  public static func threads(askedFor number: Int) throws -> Int {
    guard (1...mostThreads).contains(number) else {
      throw CifarError(
        .invalidArgument, "threads \(number) is not in 1 to \(mostThreads)")
    }
    return min(number, defaultThreads)
  }
}
