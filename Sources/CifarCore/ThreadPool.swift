import CCPUFeatures
import Glibc
import Synchronization

/// A fixed set of threads that work through numbered chunks of a job.
///
/// The caller takes part in the work, so `threads` counts it. Between jobs the others spin for a
/// moment, since the next job of a training step follows within microseconds, then sleep.
///
/// Each thread begins with a share of its own, the same part of every job, so that what it wrote in
/// one job it finds in its caches in the next; whoever has done its share helps the others. So which
/// thread does which chunk is not determined; results are, because the chunks are cut by the problem
/// and not by the number of threads.
public final class ThreadPool: Sendable {
  /// The number of threads that work on a job, the caller included.
  public let threads: Int
  // The threads hold `Workers` and not the pool, so that the pool can be freed and end them.
  private let workers: Workers
  /// nil but for a pool that pretends.
  public let trace: JobTrace?

  /// - Parameter threads: at least 1; `ThreadPool.defaultThreads` fits the machine.
  public init(threads: Int) {
    self.threads = max(1, threads)
    workers = Workers(helpers: self.threads - 1)
    trace = nil
  }

  /// A pool of the caller alone that says it had `threads`, and notes down how long each chunk takes: so
  /// that a machine with few processors shows how work is shared out on one with many.
  public init(pretending threads: Int, to trace: JobTrace) {
    self.threads = max(1, threads)
    workers = Workers(helpers: 0)
    self.trace = trace
  }

  deinit { workers.dismiss() }

  /// Calls `body(index, worker)` once for every index in 0 ..< count and returns when all are done.
  ///
  /// `worker` is below `threads` and no two calls of one job share it at a time: it is the index of
  /// scratch memory. Jobs do not nest, and a pool serves one caller at a time: a call while another
  /// job is under way runs its chunks in place, all as worker 0, and so must not share scratch memory
  /// with that job.
  public func forEach(_ count: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
    if let trace { return trace.run(count, body) }
    workers.work(count, body)
  }
}

/// The threads of a pool and the job they share.
private final class Workers: @unchecked Sendable {
  typealias Body = (_ index: Int, _ worker: Int) -> Void

  // The job under way, written by the caller before `generation` announces it.
  private var body: Body?
  private let shares: Shares
  private let generation = Atomic<UInt>(0)
  private let helpersBusy = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let ended = Atomic<Bool>(false)
  private let running = Atomic<Bool>(false)

  private let helpers: Int
  private let lock = ConditionLock()
  private var threads: [WorkerThread] = []
  private var owner = getpid()

  /// How often a waiting thread spins before it sleeps: some 50 µs.
  private static let spins = 4_000

  init(helpers: Int) {
    self.helpers = helpers
    shares = Shares(count: helpers + 1)
    start()
  }

  private func start() {
    let first = generation.load(ordering: .relaxed)
    threads = []
    for worker in 1..<(helpers + 1) {
      let thread = WorkerThread { self.serve(worker, after: first) }
      // Fewer threads than asked for still do all the work.
      guard thread.isRunning else { return }
      threads.append(thread)
    }
  }

  func dismiss() {
    guard owner == getpid() else { return }
    ended.store(true, ordering: .releasing)
    announce()
    for thread in threads { thread.join() }
    threads = []
  }

  func work(_ count: Int, _ body: Body) {
    guard count > 0 else { return }
    if threads.isEmpty || count == 1
      || !running.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    {
      for index in 0..<count { body(index, 0) }
      return
    }
    if owner != getpid() { restartAfterFork() }
    withoutActuallyEscaping(body) { body in
      self.body = body
      shares.divide(count, among: threads.count + 1)
      helpersBusy.store(threads.count, ordering: .relaxed)
      announce()
      takeChunks(worker: 0, body: body)
      var spins = 0
      while helpersBusy.load(ordering: .acquiring) != 0 {
        spins += 1
        if spins < Workers.spins { cpu_relax() } else { sched_yield() }
      }
      self.body = nil
    }
    running.store(false, ordering: .releasing)
  }

  private func announce() {
    generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    lock.withLock { lock.wakeAll() }
  }

  private func takeChunks(worker: Int, body: Body) {
    for offset in 0..<shares.count {
      while let index = shares.take(from: (worker + offset) % shares.count) { body(index, worker) }
    }
  }

  private func serve(_ worker: Int, after first: UInt) {
    var seen = first
    while true {
      seen = nextGeneration(after: seen)
      if ended.load(ordering: .acquiring) { return }
      if let body { takeChunks(worker: worker, body: body) }
      helpersBusy.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    }
  }

  /// Waits for a generation other than `seen`: first awake, then asleep.
  private func nextGeneration(after seen: UInt) -> UInt {
    for _ in 0..<Workers.spins {
      let current = generation.load(ordering: .acquiring)
      if current != seen { return current }
      cpu_relax()
    }
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    lock.withLock {
      while generation.load(ordering: .sequentiallyConsistent) == seen { lock.wait() }
    }
    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    return generation.load(ordering: .acquiring)
  }

  /// A fork copies only the thread that called it: the child starts threads of its own.
  private func restartAfterFork() {
    owner = getpid()
    sleepers.store(0, ordering: .relaxed)
    start()
  }
}

/// The chunks of a job, a contiguous share a thread.
private final class Shares {
  private struct Share: ~Copyable {
    let next = Atomic<Int>(0)
    var end = 0
    // Two cache lines a share: threads that count at the same time must not disturb each other.
    private let padding = SIMD16<Int>()
  }

  let count: Int
  private let shares: UnsafeMutablePointer<Share>

  init(count: Int) {
    self.count = count
    shares = .allocate(capacity: count)
    for index in 0..<count { (shares + index).initialize(to: Share()) }
  }

  deinit {
    shares.deinitialize(count: count)
    shares.deallocate()
  }

  /// Shares 0 ..< `chunks` out to the first `workers`. Nobody may be taking chunks.
  func divide(_ chunks: Int, among workers: Int) {
    for index in 0..<count {
      shares[index].next.store(chunks * min(index, workers) / workers, ordering: .relaxed)
      shares[index].end = chunks * min(index + 1, workers) / workers
    }
  }

  /// The next chunk of a share; nil if there is none left.
  func take(from index: Int) -> Int? {
    let chunk = shares[index].next.wrappingAdd(1, ordering: .relaxed).oldValue
    return chunk < shares[index].end ? chunk : nil
  }
}
