// What the run registry costs without a training around it. Benchmarks/registry.py calls this:
//
//     registry-bench FILE EPOCHS MEGABYTES
//
// records a run of that many epochs with a checkpoint of that size each, keeping the last two and
// the best, while a second connection reads the last checkpoint again and again. Prints JSON.
//
//     registry-bench waits FILE SECONDS
//
// records an epoch every 10 ms for so long, and prints what the slowest took, beside whatever else
// works on the file. A file named FILE.stop ends it early.

import CifarCore
import CifarRegistry
import CommandSupport
import Glibc
import Synchronization

func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func size(_ path: String) -> Int {
  var status = stat()
  return stat(path, &status) == 0 ? Int(status.st_size) : 0
}

/// Reads the last checkpoint until it is told to stop.
final class Reader: Sendable {
  private let isDone = Atomic<Bool>(false)
  private let looks = Atomic<Int>(0)
  private let failures = Atomic<Int>(0)

  func run(_ path: String, _ run: String) {
    guard let registry = try? Registry(path: path, mode: .readOnly) else { return }
    while !isDone.load(ordering: .relaxed) {
      looks.add(1, ordering: .relaxed)
      do {
        let row = try registry.checkpoint(.last, of: run)
        try registry.readCheckpoint(row.id) { _ in }
      } catch let error as CifarError where error.code == .notFound {
        // Between the two calls it was pruned: the next look finds its successor.
      } catch {
        failures.add(1, ordering: .relaxed)
      }
      usleep(200_000)
    }
  }

  func stop() -> (looks: Int, failures: Int) {
    isDone.store(true, ordering: .relaxed)
    return (looks.load(ordering: .relaxed), failures.load(ordering: .relaxed))
  }
}

func measure(_ path: String, epochs: Int, bytes: Int) throws {
  let registry = try Registry(path: path, mode: .readWrite(create: true))
  let session = try registry.createRun(
    NewRun(
      name: "long", recipe: "pytorch", hyperparameters: "{}", model: "{}", dataset: "none",
      seed: 0, epochsPlanned: Double(epochs), retention: .last(2),
      session: SessionInfo(libraryVersion: "", instructionSet: "", threads: 1)))
  var data = [UInt8](repeating: 0, count: bytes)
  // What does not compress and is never the same, as weights are.
  var generator = SystemRandomNumberGenerator()
  for index in data.indices { data[index] = UInt8.random(in: 0...255, using: &generator) }
  let reader = Reader()
  var thread = pthread_t()
  let job = Unmanaged.passRetained(
    Job { reader.run(path, session.id) })
  pthread_create(
    &thread, nil,
    { pointer in
      Unmanaged<Job>.fromOpaque(pointer!).takeRetainedValue().body()
      return nil
    }, job.toOpaque())
  var seconds: [Double] = []
  var largest = 0
  for epoch in 1...epochs {
    for offset in 0..<8 { data[offset] = UInt8(truncatingIfNeeded: epoch >> (8 * offset)) }
    let accuracy = 1 - 1 / Double(epoch)
    let start = now()
    try session.record(
      epoch: EpochMetrics(
        epoch: epoch, trainLoss: 1, trainAccuracy: accuracy, valLoss: 1, valAccuracy: accuracy,
        learningRate: 0.001, seconds: 60, imagesPerSecond: 1000),
      checkpoint: NewCheckpoint(
        epoch: epoch, step: epoch, data: data, isBest: epoch % 7 == 1))
    seconds.append(now() - start)
    largest = max(largest, size(path) + size(path + "-journal"))
  }
  try session.finish(status: .completed, reason: "done")
  let (looks, failures) = reader.stop()
  pthread_join(thread, nil)
  seconds.sort()
  print(
    """
    {"median_s": \(seconds[epochs / 2]), "slowest_s": \(seconds[epochs - 1]), \
    "largest_bytes": \(largest), "looks": \(looks), "failures": \(failures)}
    """)
}

final class Job: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

func measureWaits(_ path: String, seconds: Double) throws {
  let registry = try Registry(path: path, mode: .readWrite(create: false))
  let session = try registry.createRun(
    NewRun(
      name: "trainer", recipe: "pytorch", hyperparameters: "{}", model: "{}", dataset: "none",
      seed: 0, epochsPlanned: 1,
      session: SessionInfo(
        libraryVersion: "", instructionSet: "", threads: 1)))
  var times: [Double] = []
  let end = now() + seconds
  while now() < end, access(path + ".stop", F_OK) != 0 {
    let start = now()
    try session.record(
      epoch: EpochMetrics(
        epoch: times.count + 1, trainLoss: 1, trainAccuracy: 0.5, valLoss: 1, valAccuracy: 0.5,
        learningRate: 0.001, seconds: 60, imagesPerSecond: 1000))
    times.append(now() - start)
    usleep(10_000)
  }
  try session.finish(status: .completed, reason: "done")
  times.sort()
  print(
    """
    {"epochs": \(times.count), "median_s": \(times[times.count / 2]), \
    "p99_s": \(times[times.count * 99 / 100]), "slowest_s": \(times[times.count - 1])}
    """)
}

let arguments = CommandLine.arguments
if arguments.count == 4, arguments[1] == "waits", let seconds = Double(arguments[3]), seconds > 0 {
  do {
    try measureWaits(arguments[2], seconds: seconds)
    exit(0)
  } catch {
    Output.error("registry-bench: \(error)")
    exit(1)
  }
}
guard arguments.count == 4, let epochs = Int(arguments[2]), let megabytes = Double(arguments[3]),
  epochs > 0, (0.001...500).contains(megabytes)
else {
  Output.error("usage: registry-bench FILE EPOCHS MEGABYTES")
  exit(2)
}
do {
  try measure(arguments[1], epochs: epochs, bytes: Int(megabytes * 1e6))
} catch {
  Output.error("registry-bench: \(error)")
  exit(1)
}
