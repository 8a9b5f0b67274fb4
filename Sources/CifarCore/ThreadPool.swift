import CCPUFeatures
import Glibc
import Synchronization

/// A fixed crew of threads that works through numbered pieces of a job.
///
/// The caller takes part in the work, so `threads` counts it. Between jobs the others spin for a
/// moment, since the next job of a training step follows within microseconds, then sleep.
///
/// Which thread does which piece is not determined; results are, because the pieces are cut by the
/// problem and not by the number of threads.
public final class ThreadPool: @unchecked Sendable {
  /// The number of threads that work on a job, the caller included.
  public let threads: Int

  private typealias Body = (_ index: Int, _ worker: Int) -> Void

  /// The job under way. Written by the caller before `generation` announces it.
  private var body: Body?
  private var count = 0
  private let nextIndex = Atomic<Int>(0)
  private let generation = Atomic<UInt>(0)
  private let workersBusy = Atomic<Int>(0)
  private let ended = Atomic<Bool>(false)
  private let sleepers = Atomic<Int>(0)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wakeUp = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var handles: [pthread_t] = []
  private var owner = getpid()
  private let running = Atomic<Bool>(false)

  /// How often a waiting thread looks before it sleeps: some 50 µs.
  private static let spins = 4_000

  /// - Parameter threads: at least 1; `ThreadPool.defaultThreads` fits the machine.
  public init(threads: Int) {
    self.threads = max(1, threads)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wakeUp, nil)
    startWorkers()
  }

  deinit {
    if owner == getpid() {
      ended.store(true, ordering: .releasing)
      announce()
      for handle in handles { pthread_join(handle, nil) }
    }
    pthread_cond_destroy(wakeUp)
    pthread_mutex_destroy(mutex)
    wakeUp.deallocate()
    mutex.deallocate()
  }

  /// Calls `body(index, worker)` once for every index in 0 ..< count and returns when all are done.
  ///
  /// `worker` is below `threads` and no two calls at the same time share it: it is the index of
  /// scratch memory. Jobs do not nest: a call from within a body runs its pieces in place.
  public func forEach(_ count: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
    guard count > 0 else { return }
    if handles.isEmpty || count == 1
      || !running.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    {
      for index in 0..<count { body(index, 0) }
      return
    }
    if owner != getpid() { restartAfterFork() }
    withoutActuallyEscaping(body) { body in
      self.body = body
      self.count = count
      nextIndex.store(0, ordering: .relaxed)
      workersBusy.store(handles.count, ordering: .relaxed)
      announce()
      work(worker: 0, body: body)
      var looks = 0
      while workersBusy.load(ordering: .acquiring) != 0 {
        looks += 1
        if looks < ThreadPool.spins { cifar_cpu_relax() } else { sched_yield() }
      }
      self.body = nil
    }
    running.store(false, ordering: .releasing)
  }

  private func announce() {
    generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(wakeUp)
    pthread_mutex_unlock(mutex)
  }

  private func work(worker: Int, body: Body) {
    while true {
      let index = nextIndex.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      body(index, worker)
    }
  }

  /// Waits for a generation other than `seen`: first awake, then asleep.
  private func nextGeneration(after seen: UInt) -> UInt {
    for _ in 0..<ThreadPool.spins {
      let current = generation.load(ordering: .acquiring)
      if current != seen { return current }
      cifar_cpu_relax()
    }
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    pthread_mutex_lock(mutex)
    while generation.load(ordering: .sequentiallyConsistent) == seen {
      pthread_cond_wait(wakeUp, mutex)
    }
    pthread_mutex_unlock(mutex)
    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    return generation.load(ordering: .acquiring)
  }

  private func startWorkers() {
    let first = generation.load(ordering: .relaxed)
    for worker in 1..<max(2, threads) where worker < threads {
      let start = WorkerStart(pool: self, worker: worker, generation: first)
      var handle = pthread_t()
      let failed = pthread_create(
        &handle, nil,
        { argument in
          let start = Unmanaged<WorkerStart>.fromOpaque(argument!).takeRetainedValue()
          start.run()
          return nil
        }, Unmanaged.passRetained(start).toOpaque())
      // Fewer threads than asked for still do all the work.
      guard failed == 0 else { return Unmanaged.passUnretained(start).release() }
      handles.append(handle)
    }
  }

  fileprivate func serve(worker: Int, from first: UInt) {
    var seen = first
    while true {
      seen = nextGeneration(after: seen)
      if ended.load(ordering: .acquiring) { return }
      if let body { work(worker: worker, body: body) }
      workersBusy.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    }
  }

  /// A fork copies only the thread that called it: the child starts a crew of its own.
  private func restartAfterFork() {
    owner = getpid()
    handles = []
    sleepers.store(0, ordering: .relaxed)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wakeUp, nil)
    startWorkers()
  }
}

/// What a new worker thread is told. It holds the pool unowned: the pool joins its threads before
/// it goes.
private final class WorkerStart {
  unowned(unsafe) let pool: ThreadPool
  let worker: Int
  let generation: UInt

  init(pool: ThreadPool, worker: Int, generation: UInt) {
    self.pool = pool
    self.worker = worker
    self.generation = generation
  }

  func run() { pool.serve(worker: worker, from: generation) }
}
