import Glibc

/// What a thread pool that pretends to have more threads noted down: every job, the time of each of its
/// chunks, and what lay between the jobs. See `ThreadPool(pretending:to:)`.
///
/// From these times, which one thread took, `time(threads:)` makes what several would take. It belongs
/// to the thread that gives the pool its jobs.
public final class JobTrace: @unchecked Sendable {
  public struct Job: Equatable, Sendable {
    /// What asked for it.
    public let name: String
    /// Seconds between the end of the job before and its beginning: one thread's work.
    public let serial: Double
    /// Seconds of each chunk, in their order.
    public let chunks: [Double]

    public init(name: String, serial: Double, chunks: [Double]) {
      self.name = name
      self.serial = serial
      self.chunks = chunks
    }

    public var total: Double { chunks.reduce(0, +) }

    /// Seconds until the last of `threads` is done, if none has to wait for memory. Each begins with its
    /// share, consecutive chunks, and then takes from those of the others, as the pool has it.
    public func time(threads: Int) -> Double {
      let workers = max(1, min(threads, chunks.count))
      var next = (0..<workers).map { chunks.count * $0 / workers }
      let ends = (0..<workers).map { chunks.count * ($0 + 1) / workers }
      var busy = [Double](repeating: 0, count: workers)
      for _ in chunks {
        // Whoever is done first takes the next chunk.
        guard let worker = busy.indices.min(by: { busy[$0] < busy[$1] }) else { break }
        let shares = (0..<workers).map { (worker + $0) % workers }
        guard let share = shares.first(where: { next[$0] < ends[$0] }) else { break }
        busy[worker] += chunks[next[share]]
        next[share] += 1
      }
      return busy.max() ?? 0
    }
  }

  public var jobs: [Job] = []
  /// What the next jobs are for.
  public var name = ""
  private var lastEnd = JobTrace.now()

  public init() {}

  /// Forgets all; the next job's serial part begins now.
  public func restart() {
    jobs = []
    lastEnd = JobTrace.now()
  }

  /// Seconds of all jobs and what lies between them.
  ///
  /// - Parameter dispatch: seconds that a job of several chunks takes besides, with several threads.
  public func time(threads: Int, dispatch: Double = 0) -> Double {
    jobs.reduce(0) { sum, job in
      let waits = threads > 1 && job.chunks.count > 1 ? dispatch : 0
      return sum + job.serial + job.time(threads: threads) + waits
    }
  }

  /// Runs a job's chunks one after the other.
  func run(_ count: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
    let serial = JobTrace.now() - lastEnd
    var chunks: [Double] = []
    chunks.reserveCapacity(count)
    for index in 0..<count {
      let start = JobTrace.now()
      body(index, 0)
      chunks.append(JobTrace.now() - start)
    }
    jobs.append(Job(name: name, serial: serial, chunks: chunks))
    lastEnd = JobTrace.now()
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
