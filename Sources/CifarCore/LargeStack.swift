import CCPUFeatures

/// Room for code that needs more stack than a thread of the host may have: parsing nested JSON,
/// SQLite's compiler.
public enum LargeStack {
  /// Where the calling thread has less than this left, a thread of the library's own takes over.
  private static let enough = 512 << 10

  /// Runs `body` where there is stack enough, and waits for it.
  ///
  /// - Throws: what `body` throws; `outOfMemory` if a thread is needed and can't be had.
  public static func run<Result>(_ body: () throws -> Result) throws -> Result {
    if stack_remaining() >= enough { return try body() }
    return try withoutActuallyEscaping(body) { body in
      var outcome: Swift.Result<Result, any Error>?
      let thread = WorkerThread { outcome = Swift.Result { try body() } }
      thread.join()
      guard let outcome else {
        throw CifarError(
          .outOfMemory,
          "the calling thread has \(stack_remaining() >> 10) KiB of stack left, and the system has "
            + "no thread to give that would have more; call from a thread with \(enough >> 10) KiB")
      }
      return try outcome.get()
    }
  }

  /// Throws where the calling thread has less than `bytes` of stack left.
  public static func require(_ bytes: Int, for what: String) throws {
    let left = stack_remaining()
    // 0: a stack that nobody knows the size of.
    guard left == 0 || left >= bytes else {
      throw CifarError(
        .invalidState,
        "the calling thread has \(left >> 10) KiB of stack left, and \(what) needs "
          + "\(bytes >> 10) KiB; give the thread a larger stack")
    }
  }
}
