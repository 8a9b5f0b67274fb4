import CCPUFeatures

extension ThreadPool {
  /// The most threads that may be asked for.
  public static let mostThreads = 1024

  /// As many threads as this process may really use: the cores it is allowed to run on, or the quota
  /// of its control group, or of one around it, where that is less.
  ///
  /// Logical processors that share a core count once: one thread keeps its arithmetic busy, and two
  /// share its caches.
  public static var defaultThreads: Int {
    max(1, min(allowedCores, ControlGroup.processorQuota() ?? Int.max))
  }

  private static var allowedCores: Int {
    // As many as a cpu_set_t has.
    let allowed = withUnsafeTemporaryAllocation(of: Int32.self, capacity: 1024) { numbers in
      (0..<Int(cpu_allowed(numbers.baseAddress, 1024))).map { Int(numbers[$0]) }
    }
    return allowed.isEmpty ? Int(cpu_allowed_count()) : cores(of: allowed, File.systemText)
  }

  /// How many cores some logical processors are of. One of which nobody knows counts for itself.
  ///
  /// - Parameter file: the text of a file, nil if there is none.
  static func cores(of processors: [Int], _ file: (String) -> String?) -> Int {
    Set(
      processors.map { number in
        let place = "/sys/devices/system/cpu/cpu\(number)/topology/thread_siblings_list"
        let siblings = file(place)?.split(whereSeparator: \.isWhitespace).first
        return siblings.map(String.init) ?? "\(number)"
      }
    ).count
  }

  /// The threads that compute where someone asks for a number of them.
  ///
  /// Results do not depend on their number, and threads beyond the cores make each other wait:
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
