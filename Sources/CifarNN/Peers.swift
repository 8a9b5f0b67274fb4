import CifarCore
import Kernels

/// Moves bytes between the processes that train a network together. Each call returns when this
/// process's part of it is done, and needs that all of them call it.
public protocol PeerTransport: AnyObject {
  /// - Parameters:
  ///   - send: a block for each process, by rank, one after the other.
  ///   - receive: gets the block that each process has for this one.
  ///   - bytes: of a block.
  func allToAll(
    _ send: UnsafeRawPointer, _ receive: UnsafeMutableRawPointer, bytes: Int) throws

  /// - Parameters:
  ///   - receive: gets the block of each process, by rank.
  ///   - bytes: of a block.
  func allGather(
    _ send: UnsafeRawPointer, _ receive: UnsafeMutableRawPointer, bytes: Int) throws

  /// Copies a buffer of the process `root` to those of the others.
  func broadcast(_ buffer: UnsafeMutableRawPointer, bytes: Int, root: Int) throws
}

/// The processes that share the batches of a training, as one of them sees it.
///
/// What is summed over images is summed here over processes, along the tree of `BatchPartition`, from
/// terms that were only moved: so how they were moved does not show in the sum. Everything is
/// moved by one thread, in the order in which it was asked for, which is the same in all processes.
///
/// A transport that fails is not used again: from then on nothing is moved or summed, and `check`
/// throws what happened.
public final class Peers {
  public let rank: Int
  public let count: Int
  /// Whether a batch normalization takes the moments of the whole batch, or each process those of its
  /// images.
  public let sharesBatchNorm: Bool

  private let transport: any PeerTransport
  private let queue = PeerQueue()
  private var lastSum = 0
  /// What was gathered last, by rank; used by the thread that asks.
  private var gathered: AlignedBuffer<UInt8>
  private let lock = ConditionLock()
  /// The first failure. Under the lock.
  private var failed: (any Error)?

  /// - Throws: `outOfMemory` where there is no thread to be had either.
  public init(
    rank: Int, count: Int, sharesBatchNorm: Bool = true, transport: any PeerTransport
  ) throws {
    self.rank = rank
    self.count = count
    self.sharesBatchNorm = sharesBatchNorm
    self.transport = transport
    gathered = try AlignedBuffer(count: 1 << 12)
    try queue.start()
  }

  deinit { queue.end() }

  /// The images of a batch that this process has.
  func partition(_ total: Int) -> BatchPartition {
    BatchPartition(total, rank: rank, ranks: count)
  }

  /// Where those lie in the batch.
  public func images(ofBatch total: Int) -> Range<Int> {
    let batch = partition(total)
    return batch.first..<(batch.first + batch.count)
  }

  // MARK: Failure

  /// - Throws: why the transport can't be used any more.
  public func check() throws {
    if let failed = lock.withLock({ failed }) { throw failed }
  }

  public var hasFailed: Bool { lock.withLock { failed != nil } }

  /// Whether the processes have parted: all know of an error, and none waits for another any more.
  public private(set) var haveParted = false

  public func part() { haveParted = true }

  private func attempt(_ body: () throws -> Void) {
    guard !hasFailed else { return }
    do {
      try body()
    } catch {
      lock.withLock { failed = failed ?? error }
    }
  }

  // MARK: Moving

  /// Calls the transport from its thread, after all that was asked for before. Returns when it is done.
  private func move(_ body: @escaping () throws -> Void) {
    queue.wait(for: queue.add { [unowned self] in attempt(body) })
  }

  /// A buffer of the process `root`, in all of them.
  ///
  /// - Throws: what the transport throws, now or before.
  public func broadcast(_ buffer: UnsafeMutableRawBufferPointer, root: Int) throws {
    if let start = buffer.baseAddress, buffer.count > 0 {
      move { [transport] in
        try transport.broadcast(start, bytes: buffer.count, root: root)
      }
    }
    try check()
  }

  /// As many values of every process, by rank; they stay until the next call. nil after a failure.
  private func gather<Value: BitwiseCopyable>(
    _ own: UnsafePointer<Value>, _ number: Int
  ) -> UnsafeMutablePointer<Value>? {
    let bytes = number * MemoryLayout<Value>.stride
    if gathered.count < bytes * count {
      do {
        gathered = try AlignedBuffer(count: bytes * count, for: "what other processes send")
      } catch {
        attempt { throw error }
      }
    }
    let target = UnsafeMutableRawPointer(gathered.pointer)
    move { [transport] in try transport.allGather(own, target, bytes: bytes) }
    return hasFailed ? nil : target.assumingMemoryBound(to: Value.self)
  }

  /// The values of every process, by rank.
  ///
  /// - Throws: what the transport throws, now or before.
  public func gather<Value: BitwiseCopyable>(_ own: [Value]) throws -> [[Value]] {
    let all = own.withUnsafeBufferPointer { own in
      own.baseAddress.flatMap { gather($0, own.count) }
    }
    try check()
    guard let all else { return [[Value]](repeating: [], count: count) }
    return (0..<count).map {
      Array(UnsafeBufferPointer(start: all + $0 * own.count, count: own.count))
    }
  }

  /// Puts the rows of a batch together, of which each process has those of its images.
  ///
  /// - Parameters:
  ///   - rows: (total, width); this process's own are the first ones.
  ///   - total: images of the batch.
  /// - Throws: what the transport throws, now or before.
  package func assemble(
    _ rows: UnsafeMutablePointer<Float>, width: Int, ofBatch total: Int
  ) throws {
    let parts = (0..<count).map { BatchPartition(total, rank: $0, ranks: count) }
    let most = parts.map(\.count).max() ?? 0
    // A process with fewer images sends rows that nobody reads.
    let all = gather(rows, most * width)
    try check()
    guard let all else { return }
    for (rank, part) in parts.enumerated() {
      (rows + part.first * width).update(from: all + rank * most * width, count: part.count * width)
    }
  }

  // MARK: Summing

  /// Sums each value over all processes, in place. After a failure they stay as they are.
  func sum<Value: BitwiseCopyable>(
    _ values: UnsafeMutablePointer<Value>, count number: Int, _ add: (Value, Value) -> Value
  ) {
    guard number > 0, let all = gather(values, number) else { return }
    for index in 0..<number {
      values[index] = pairwiseSum(0..<count, { all[$0 * number + index] }, add)
    }
  }

  /// The sum of a value of every process.
  func sum<Value: BitwiseCopyable>(_ value: Value, _ add: (Value, Value) -> Value) -> Value {
    var value = value
    sum(&value, count: 1, add)
    return value
  }

  // MARK: Gradients

  /// Sums a part of the gradients over all processes, beside what this thread does next.
  func beginSum(_ exchange: GradientExchange, _ part: Int) {
    lastSum = queue.add { [unowned self] in
      attempt { try exchange.run(part, transport) }
    }
  }

  /// Waits for all sums that were begun.
  func waitForSums() { queue.wait(for: lastSum) }

  // MARK: Results

  /// Results of this process's parts of batches to those of the batches.
  ///
  /// - Parameter totals: images of each batch.
  /// - Throws: what ended the exchange with the others.
  public func batchResults(_ parts: [BatchResult], ofBatches totals: [Int]) throws -> [BatchResult]
  {
    let results = sum(parts, ofBatches: totals)
    try check()
    return results
  }

  /// The same; after a failure, the parts.
  func sum(_ parts: [BatchResult], ofBatches totals: [Int]) -> [BatchResult] {
    var sums = parts.map { ResultSums(lossSum: $0.lossSum, correct: Double($0.correct)) }
    sums.withUnsafeMutableBufferPointer { sums in
      if let start = sums.baseAddress { sum(start, count: sums.count, +) }
    }
    guard !hasFailed else { return parts }
    return zip(sums, totals).map { sums, total in
      // What was moved wrongly is no whole number, or too large.
      if let correct = Int(exactly: sums.correct), (0...total).contains(correct) {
        return BatchResult(lossSum: sums.lossSum, correct: correct, count: total)
      }
      attempt {
        throw CifarError(
          .peer,
          "\(sums.correct) of \(total) images are said to be right: the callbacks do not move what "
            + "they are given")
      }
      return BatchResult(lossSum: .nan, correct: 0, count: total)
    }
  }

  /// Gives all processes the running statistics of the first.
  ///
  /// - Throws: what ended the exchange with the others.
  public func unifyStatistics(of network: Network) throws {
    guard !sharesBatchNorm else { return }
    try broadcast(UnsafeMutableRawBufferPointer(network.statisticValues.span), root: 0)
    network.weightsChanged()
  }
}

private struct ResultSums {
  var lossSum: Double
  var correct: Double

  static func + (one: ResultSums, other: ResultSums) -> ResultSums {
    ResultSums(lossSum: one.lossSum + other.lossSum, correct: one.correct + other.correct)
  }
}

/// Jobs for a thread, done one after the other.
private final class PeerQueue: @unchecked Sendable {
  private let lock = ConditionLock()
  private var thread: WorkerThread?
  // Under the lock:
  private var jobs: [() -> Void] = []
  private var added = 0
  private var done = 0
  private var ended = false

  func start() throws {
    let thread = WorkerThread { [self] in serve() }
    guard thread.isRunning else {
      throw CifarError(.outOfMemory, "there is no thread for the exchange with other processes")
    }
    self.thread = thread
  }

  func end() {
    lock.withLock {
      ended = true
      lock.wakeAll()
    }
    thread?.join()
    thread = nil
  }

  /// - Returns: a number to wait for.
  func add(_ job: @escaping () -> Void) -> Int {
    lock.withLock {
      jobs.append(job)
      added += 1
      lock.wakeAll()
      return added
    }
  }

  func wait(for ticket: Int) {
    lock.withLock { while done < ticket { lock.wait() } }
  }

  private func serve() {
    while let job = next() {
      job()
      lock.withLock {
        done += 1
        lock.wakeAll()
      }
    }
  }

  private func next() -> (() -> Void)? {
    lock.withLock {
      while true {
        if !jobs.isEmpty { return jobs.removeFirst() }
        if ended { return nil }
        lock.wait()
      }
    }
  }
}
