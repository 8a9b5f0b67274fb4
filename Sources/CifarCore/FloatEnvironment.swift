import CCPUFeatures

/// The floating-point environment of the host's threads, kept away from what the library computes.
///
/// A host may round upward, flush subnormal numbers to zero or trap on an inexact result: none of
/// that may get into weights, and none of it may be lost.
public enum FloatEnvironment {
  /// Runs `body` in the default environment and puts the caller's back afterwards.
  public static func isolated<Result>(_ body: () throws -> Result) rethrows -> Result {
    var frame = float_environment()
    return try withUnsafeMutablePointer(to: &frame) { frame in
      float_environment_enter(frame)
      defer { float_environment_leave(frame) }
      return try body()
    }
  }

  /// Calls the host's code, inside `isolated`, in the host's environment. What it sets there is the
  /// host's from then on, also when `isolated` has ended.
  public static func lent<Result>(_ call: () throws -> Result) rethrows -> Result {
    float_environment_lend()
    defer { float_environment_take_back() }
    return try call()
  }
}
