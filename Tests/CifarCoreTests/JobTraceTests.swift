import Testing

@testable import CifarCore

/// A pool that pretends to have many threads, and what is made of the times that it notes down.
@Suite struct JobTraceTests {
  private func job(_ chunks: [Double], serial: Double = 0) -> JobTrace.Job {
    JobTrace.Job(name: "job", serial: serial, chunks: chunks)
  }

  @Test func threadsShareWhatThereIs() {
    let equal = job([Double](repeating: 1, count: 12))
    #expect([1, 2, 3, 5, 12, 64].map { equal.time(threads: $0) } == [12, 6, 4, 3, 1, 1])
    #expect(job([]).time(threads: 4) == 0)
  }

  /// The second thread is done with its share first, and takes from that of the first.
  @Test func whoIsDoneHelps() {
    #expect(job([5, 1, 1, 1, 1, 1]).time(threads: 2) == 5)
    #expect(job([1, 1, 5, 1, 1, 1]).time(threads: 2) == 7)
  }

  @Test func whatIsSerialStays() {
    let trace = JobTrace()
    trace.jobs = [job([2, 2], serial: 1), job([3], serial: 0.5)]
    #expect(trace.time(threads: 1, dispatch: 0.25) == 8.5)
    // A job of one chunk is nobody else's.
    #expect(trace.time(threads: 2, dispatch: 0.25) == 6.75)
    #expect(trace.time(threads: 64, dispatch: 0.25) == 6.75)
  }

  @Test func aPoolThatPretendsDoesAllItself() {
    let trace = JobTrace()
    let pool = ThreadPool(pretending: 16, to: trace)
    #expect(pool.threads == 16)
    var seen: [Int] = []
    trace.name = "first"
    pool.forEach(3) { index, worker in
      #expect(worker == 0)
      seen.append(index)
    }
    trace.name = "second"
    pool.forEach(1) { _, _ in }
    #expect(seen == [0, 1, 2])
    #expect(trace.jobs.map(\.name) == ["first", "second"])
    #expect(trace.jobs.map(\.chunks.count) == [3, 1])
    #expect(trace.jobs.allSatisfy { $0.serial >= 0 && $0.total >= 0 })
    trace.restart()
    #expect(trace.jobs.isEmpty)
  }
}
