import CifarCore
import Glibc

/// Does jobs on a thread of its own, in order, one at a time: who gives it one goes on at once.
///
/// A failure comes out of the next call. Belongs to one thread, and to one process: in a child of
/// `fork` its thread is not there, so nothing is written and nothing is waited for.
final class BackgroundWriter {
  typealias Job = () throws -> Void

  // The thread holds the desk and not the writer, so that the writer can go and end it.
  private let desk = Desk()
  private let thread: WorkerThread
  private let owner = getpid()

  init() { thread = WorkerThread { [desk] in desk.serve() } }

  deinit {
    guard owner == getpid() else { return }
    desk.close()
    thread.join()
  }

  /// - Throws: `invalidState` in a child of `fork`.
  private func checkProcess() throws {
    guard owner != getpid() else { return }
    throw CifarError(.invalidState, "the training belongs to the process that forked this one")
  }

  /// Waits for the job before, then hands over this one. Where the system has no thread to give, the
  /// job is done in place.
  ///
  /// - Throws: what the job before failed with; this one is then not done.
  func submit(_ job: @escaping Job) throws {
    try checkProcess()
    guard thread.isRunning else { return try job() }
    try drain()
    desk.put(job)
  }

  /// Waits until everything is done.
  ///
  /// - Throws: what a job failed with, once.
  func drain() throws {
    try checkProcess()
    if let error = desk.takeError(waits: true) { throw error }
  }

  /// Throws what a job failed with, once; does not wait.
  func check() throws {
    try checkProcess()
    if let error = desk.takeError(waits: false) { throw error }
  }
}

/// Where jobs lie between the two threads. Everything is under the monitor.
private final class Desk: @unchecked Sendable {
  private let monitor = Monitor()
  private var job: BackgroundWriter.Job?
  private var isBusy = false
  private var isClosed = false
  private var error: (any Error)?

  func put(_ job: @escaping BackgroundWriter.Job) {
    monitor.withLock {
      self.job = job
      monitor.wakeAll()
    }
  }

  func takeError(waits: Bool) -> (any Error)? {
    monitor.withLock {
      while waits, isBusy || job != nil { monitor.wait() }
      defer { error = nil }
      return error
    }
  }

  func close() {
    monitor.withLock {
      isClosed = true
      monitor.wakeAll()
    }
  }

  func serve() {
    while let job = next() {
      var failure: (any Error)?
      do { try job() } catch { failure = error }
      monitor.withLock {
        isBusy = false
        if let failure { error = failure }
        monitor.wakeAll()
      }
    }
  }

  /// The next job; nil when there will be none.
  private func next() -> BackgroundWriter.Job? {
    monitor.withLock {
      while job == nil, !isClosed { monitor.wait() }
      defer { job = nil }
      isBusy = job != nil
      return job
    }
  }
}
