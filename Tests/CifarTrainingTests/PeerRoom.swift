import CifarCore
import CifarNN

/// Processes of a training, here threads that read each other's memory.
final class PeerRoom: @unchecked Sendable {
  let count: Int
  /// Which call of which process fails, by the number of its calls.
  let failure: (rank: Int, call: Int)?
  private let lock = ConditionLock()
  // Under the lock:
  private var sent: [UnsafeRawPointer?]
  private var arrived = 0
  private var round = 0
  private var isBroken = false

  init(_ count: Int, failure: (rank: Int, call: Int)? = nil) {
    self.count = count
    self.failure = failure
    sent = [UnsafeRawPointer?](repeating: nil, count: count)
  }

  /// Runs `body` for each process, in a thread of its own, and returns what came of them.
  func run<Result>(_ body: @escaping (Int, Peers) throws -> Result) -> [Swift.Result<
    Result, any Error
  >] {
    run(sharesBatchNorm: true, body)
  }

  func run<Result>(
    sharesBatchNorm: Bool, _ body: @escaping (Int, Peers) throws -> Result
  ) -> [Swift.Result<Result, any Error>] {
    let results = Results<Result>(count)
    let threads = (0..<count).map { rank in
      WorkerThread {
        results.values[rank] = Swift.Result {
          // A process that has ended sends nothing any more.
          defer { self.leave() }
          return try body(
            rank,
            Peers(
              rank: rank, count: self.count, sharesBatchNorm: sharesBatchNorm,
              transport: Transport(room: self, rank: rank)))
        }
      }
    }
    for thread in threads { thread.join() }
    return results.values.map { $0 ?? .failure(CifarError(.internal, "a thread did not run")) }
  }

  private final class Results<Result>: @unchecked Sendable {
    let values: UnsafeMutableBufferPointer<Swift.Result<Result, any Error>?>

    init(_ count: Int) {
      values = .allocate(capacity: count)
      values.initialize(repeating: nil)
    }

    deinit {
      values.deinitialize()
      values.deallocate()
    }
  }

  private func leave() {
    lock.withLock {
      isBroken = true
      lock.wakeAll()
    }
  }

  /// Waits until all have arrived.
  fileprivate func meet() throws {
    try lock.withLock {
      let mine = round
      arrived += 1
      if arrived == count {
        arrived = 0
        round += 1
        lock.wakeAll()
        return
      }
      while round == mine {
        guard !isBroken else { throw CifarError(.peer, "a process has left the room") }
        lock.wait()
      }
    }
  }

  fileprivate func put(_ pointer: UnsafeRawPointer, _ rank: Int) {
    lock.withLock { sent[rank] = pointer }
  }

  fileprivate func memory(of rank: Int) -> UnsafeRawPointer {
    lock.withLock { sent[rank] } ?? UnsafeRawPointer(bitPattern: 1)!
  }

  private final class Transport: PeerTransport {
    let room: PeerRoom
    let rank: Int
    var calls = 0

    init(room: PeerRoom, rank: Int) {
      self.room = room
      self.rank = rank
    }

    private func exchange(_ own: UnsafeRawPointer, _ copy: () -> Void) throws {
      calls += 1
      if let failure = room.failure, failure == (rank, calls) {
        throw CifarError(.peer, "the cable was pulled")
      }
      room.put(own, rank)
      try room.meet()
      copy()
      try room.meet()
    }

    func allToAll(
      _ send: UnsafeRawPointer, _ receive: UnsafeMutableRawPointer, bytes: Int
    ) throws {
      try exchange(send) {
        for other in 0..<room.count {
          (receive + other * bytes).copyMemory(
            from: room.memory(of: other) + rank * bytes, byteCount: bytes)
        }
      }
    }

    func allGather(
      _ send: UnsafeRawPointer, _ receive: UnsafeMutableRawPointer, bytes: Int
    ) throws {
      try exchange(send) {
        for other in 0..<room.count {
          (receive + other * bytes).copyMemory(from: room.memory(of: other), byteCount: bytes)
        }
      }
    }

    func broadcast(_ buffer: UnsafeMutableRawPointer, bytes: Int, root: Int) throws {
      try exchange(buffer) {
        if rank != root { buffer.copyMemory(from: room.memory(of: root), byteCount: bytes) }
      }
    }
  }
}
