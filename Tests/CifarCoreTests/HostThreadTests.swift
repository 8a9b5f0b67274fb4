import CifarCore
import Glibc
import Synchronization
import Testing

@testable import CifarCore

/// What a thread of the host brings along, and what the library's own begin with.
@Suite struct HostThreadTests {
  @Test func theHostsRoundingModeComesBack() {
    let before = fegetround()
    fesetround(FE_UPWARD)
    let (inside, lent) = HostEnvironment.isolated {
      (
        fegetround(),
        HostEnvironment.lent { () -> Int32 in
          let seen = fegetround()
          fesetround(FE_DOWNWARD)
          return seen
        }
      )
    }
    let after = fegetround()
    fesetround(before)
    #expect(inside == FE_TONEAREST && lent == FE_UPWARD && after == FE_DOWNWARD)
  }

  @Test func callsNestInCallbacks() {
    let before = fegetround()
    fesetround(FE_UPWARD)
    let modes = HostEnvironment.isolated {
      HostEnvironment.lent {
        [HostEnvironment.isolated { fegetround() }, fegetround()]
      }
    }
    let after = fegetround()
    fesetround(before)
    #expect(modes == [FE_TONEAREST, FE_UPWARD] && after == FE_UPWARD)
  }

  @Test func aWorkerComputesInTheDefaultEnvironment() {
    let before = fegetround()
    fesetround(FE_UPWARD)
    let mode = Atomic<Int32>(-1)
    let thread = WorkerThread { mode.store(fegetround(), ordering: .relaxed) }
    thread.join()
    fesetround(before)
    let seen = mode.load(ordering: .relaxed)
    #expect(seen == FE_TONEAREST)
  }

  @Test func aWorkerLeavesSignalsToTheHost() {
    var before = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &before)
    let blocked = Atomic<Int>(0)
    let thread = WorkerThread {
      var mask = sigset_t()
      pthread_sigmask(SIG_BLOCK, nil, &mask)
      let count = [SIGINT, SIGTERM, SIGALRM, SIGCHLD].count { sigismember(&mask, $0) == 1 }
      blocked.store(sigismember(&mask, SIGSEGV) == 1 ? -1 : count, ordering: .relaxed)
    }
    thread.join()
    let count = blocked.load(ordering: .relaxed)
    #expect(count == 4)
    // The creator's mask is as it was.
    var after = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &after)
    for signal in 1..<Int32(32) {
      #expect(sigismember(&after, signal) == sigismember(&before, signal), "signal \(signal)")
    }
  }

  @Test func largeStackPassesOnWhatHappens() throws {
    #expect(try LargeStack.run { 7 } == 7)
    let error = CifarError(.badData, "bad")
    #expect(throws: error) { try LargeStack.run { throw error } }
  }

  /// Another thread holds the lock at the moment of the fork, and is not there in the child.
  @Test func aLockIsFreeInAChild() throws {
    let lock = ConditionLock()
    let isHeld = Atomic<Bool>(false)
    let mayGo = Atomic<Bool>(false)
    let holder = WorkerThread {
      lock.withLock {
        isHeld.store(true, ordering: .releasing)
        while !mayGo.load(ordering: .acquiring) { usleep(1000) }
      }
    }
    while !isHeld.load(ordering: .acquiring) { usleep(1000) }
    let child = fork()
    if child == 0 {
      alarm(10)
      lock.withLock {}
      _exit(0)
    }
    mayGo.store(true, ordering: .releasing)
    holder.join()
    var status: Int32 = -1
    waitpid(child, &status, 0)
    #expect(status == 0)
  }
}
