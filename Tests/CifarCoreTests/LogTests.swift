import Glibc
import Synchronization
import Testing

@testable import CifarCore

/// One test at a time: the receiver belongs to the process.
@Suite(.serialized) struct LogTests {
  @Test func linesReachTheReceiver() {
    let lines = Lines()
    Log.setReceiver { level, line in lines.add("\(level.rawValue) \(line)") }
    Log.write(.warning, "one")
    Log.write(.debug, "two")
    Log.setReceiver(nil)
    Log.write(.error, "three")
    #expect(lines.all == ["30 one", "10 two"])
  }

  @Test func nobodyListeningCostsNothing() {
    Log.setReceiver(nil)
    var made = false
    func line() -> String {
      made = true
      return "a line"
    }
    Log.write(.error, line())
    #expect(!made)
  }

  /// A receiver may itself cause a line, or take its leave.
  @Test func theReceiverIsCalledOutsideTheLock() {
    let lines = Lines()
    Log.setReceiver { _, line in
      Log.setReceiver(nil)
      Log.write(.info, "nobody hears this")
      lines.add(line)
    }
    Log.write(.info, "first")
    Log.write(.info, "second")
    #expect(lines.all == ["first"])
  }

  /// What the receiver captured may be let go of when it was replaced.
  @Test func replacingWaitsForThoseInside() {
    let isInside = Atomic<Bool>(false)
    let hasLeft = Atomic<Bool>(false)
    Log.setReceiver { _, _ in
      isInside.store(true, ordering: .releasing)
      usleep(50_000)
      hasLeft.store(true, ordering: .releasing)
    }
    let writer = WorkerThread { Log.write(.info, "a line") }
    while !isInside.load(ordering: .acquiring) { usleep(100) }
    Log.setReceiver(nil)
    let left = hasLeft.load(ordering: .acquiring)
    #expect(left)
    writer.join()
  }

  @Test func aLineIsOneLine() {
    let lines = Lines()
    Log.setReceiver { _, line in lines.add(line) }
    Log.write(.info, "a\nb")
    Log.setReceiver(nil)
    #expect(lines.all == ["a\\nb"])
  }

  @Test func levelsAreOrdered() {
    #expect(Log.Level.debug < .info && Log.Level.info < .warning && Log.Level.warning < .error)
  }

  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
  }
}
