import Glibc
import Synchronization
import Testing

@testable import CifarCore

@Suite struct ThreadPoolTests {
  @Test(arguments: [0, 1, 2, 3, 8])
  func everyChunkIsDoneOnce(threads: Int) {
    let pool = ThreadPool(threads: threads)
    #expect(pool.threads == max(1, threads))
    // Many jobs one after the other: at once, and after a pause in which the helpers fall asleep.
    for round in 0..<200 {
      let count = round % 17 * 5
      let done = Counts(count)
      pool.forEach(count) { index, worker in
        #expect(worker >= 0 && worker < pool.threads)
        done.add(index)
      }
      #expect(done.all.allSatisfy { $0 == 1 })
      if round % 50 == 0 { usleep(3_000) }
    }
  }

  /// `worker` is the index of scratch memory: no two calls at the same time may share it.
  @Test func workersAreNotShared() {
    let pool = ThreadPool(threads: 4)
    let busy = Counts(4)
    let seen = Counts(4)
    pool.forEach(400) { _, worker in
      #expect(busy.add(worker) == 0)
      seen.add(worker)
      usleep(20)
      busy.subtract(worker)
    }
    #expect(seen.all.reduce(0, +) == 400)
  }

  @Test func everythingIsDoneBeforeTheCallReturns() {
    let pool = ThreadPool(threads: 3)
    for _ in 0..<20 {
      let done = Counts(1)
      pool.forEach(7) { index, _ in
        if index == 6 { usleep(500) }
        done.add(0)
      }
      #expect(done.all == [7])
    }
  }

  @Test func aJobInsideAJobIsDoneInPlace() {
    let pool = ThreadPool(threads: 3)
    let done = Counts(12)
    pool.forEach(4) { outer, _ in
      let thread = pthread_self()
      pool.forEach(3) { inner, worker in
        #expect(worker == 0)
        #expect(pthread_equal(thread, pthread_self()) != 0)
        done.add(outer * 3 + inner)
      }
    }
    #expect(done.all == [Int](repeating: 1, count: 12))
  }

  @Test func severalCallersAtOnce() {
    let pool = ThreadPool(threads: 3)
    let done = Counts(3)
    let callers = (0..<3).map { caller in
      WorkerThread {
        for _ in 0..<100 { pool.forEach(10) { _, _ in done.add(caller) } }
      }
    }
    for caller in callers { caller.join() }
    #expect(done.all == [1_000, 1_000, 1_000])
  }

  @Test func threadsEndWithTheirPool() {
    let before = threadCount()
    for _ in 0..<20 {
      let pool = ThreadPool(threads: 5)
      pool.forEach(10) { _, _ in }
    }
    // Other tests have threads of their own; 80 would stay.
    #expect(threadCount() < before + 40)
  }

  @Test func theDefaultFitsTheMachine() {
    #expect(ThreadPool.defaultThreads >= 1)
    #expect(ThreadPool.defaultThreads <= Int(sysconf(Int32(_SC_NPROCESSORS_CONF))))
  }

  @Test func processorsThatShareACoreCountOnce() {
    let siblings = [0: "0,4\n", 4: "0,4\n", 1: "1,5\n", 5: "1,5\n", 2: "2\n"]
    func cores(_ processors: [Int]) -> Int {
      ThreadPool.cores(of: processors) { path in
        #expect(
          path.hasPrefix("/sys/devices/system/cpu/cpu")
            && path.hasSuffix("/topology/thread_siblings_list"))
        return siblings.first { path.contains("/cpu\($0.key)/") }?.value
      }
    }
    #expect(cores([0, 1, 2, 4, 5]) == 3)
    #expect(cores([0, 4]) == 1)
    #expect(cores([4, 5]) == 2)
    // Of these nobody knows anything.
    #expect(cores([0, 4, 8, 9]) == 3)
  }

  private func threadCount() -> Int {
    guard let directory = opendir("/proc/self/task") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
  }
}

/// Counters that many threads may use.
final class Counts: Sendable {
  private let values: Mutex<[Int]>

  init(_ count: Int) { values = Mutex([Int](repeating: 0, count: count)) }

  var all: [Int] { values.withLock { $0 } }

  /// The value before.
  @discardableResult
  func add(_ index: Int) -> Int {
    values.withLock {
      $0[index] += 1
      return $0[index] - 1
    }
  }

  func subtract(_ index: Int) { values.withLock { $0[index] -= 1 } }
}
