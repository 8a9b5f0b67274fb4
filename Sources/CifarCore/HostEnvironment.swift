import CCPUFeatures

/// What the host's threads bring along, kept away from what the library does.
///
/// A host may round upward, flush subnormal numbers to zero or trap on an inexact result: none of
/// that may get into weights, and none of it may be lost. And a write beyond the process's limit is
/// an error to tell: SIGXFSZ, which would end the process, is held back.
public enum HostEnvironment {
  /// Runs `body` in the library's environment and puts the caller's back afterwards.
  public static func isolated<Result>(_ body: () throws -> Result) rethrows -> Result {
    var frame = host_environment()
    return try withUnsafeMutablePointer(to: &frame) { frame in
      host_environment_enter(frame)
      defer { host_environment_leave(frame) }
      return try body()
    }
  }

  /// Calls the host's code, inside `isolated`, in the host's environment. What it sets there is the
  /// host's from then on, also when `isolated` has ended.
  public static func lent<Result>(_ call: () throws -> Result) rethrows -> Result {
    host_environment_lend()
    defer { host_environment_take_back() }
    return try call()
  }
}
