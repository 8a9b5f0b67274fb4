import Glibc
import Testing

@testable import CifarCore

/// A child process has none of its parent's helper threads, and must not wait for them.
@Suite struct ForkTests {
  /// Helpers that sleep at the time of the fork, and helpers that are still awake.
  @Test(arguments: [20_000, 0] as [UInt32])
  func theChildStartsThreadsOfItsOwn(pause: UInt32) throws {
    let pool = ThreadPool(threads: 3)
    pool.forEach(10) { _, _ in }
    usleep(pause)
    let inside = try AlignedBuffer<Int>(count: 64)
    let status = try inChild {
      for _ in 0..<5 { pool.forEach(64) { index, _ in inside[index] += 1 } }
      return inside.span.allSatisfy { $0 == 5 }
    }
    #expect(status == 0)
    // And the parent's pool is what it was.
    let done = Counts(20)
    pool.forEach(20) { index, _ in done.add(index) }
    #expect(done.all.allSatisfy { $0 == 1 })
  }

  /// A child that never uses the pool can let it go.
  @Test func theChildCanDropThePool() throws {
    var pool: ThreadPool? = ThreadPool(threads: 3)
    pool?.forEach(10) { _, _ in }
    usleep(20_000)
    let status = try inChild {
      pool = nil
      return true
    }
    #expect(status == 0)
  }

  /// The child's exit status: 0 if `body` returned true. A child that is not done after ten
  /// seconds hangs.
  private func inChild(_ body: () -> Bool) throws -> Int32 {
    let child = fork()
    if child == 0 { _exit(body() ? 0 : 1) }
    try #require(child > 0)
    var status: Int32 = 0
    for _ in 0..<1_000 {
      if waitpid(child, &status, WNOHANG) == child { return status }
      usleep(10_000)
    }
    kill(child, SIGKILL)
    waitpid(child, &status, 0)
    Issue.record("the child hangs")
    return status
  }
}
